/** How quantities read in a table: short, in the units that people compare. */

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`; a dash for what is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  let [amount, unit] = [bytes, 0];
  while (amount >= 1024 && unit < BYTE_UNITS.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[unit] ?? ''}`;
}

/** How long ago, in the largest unit that fits: `3 s ago`, `2 h ago`; a dash for what is not known. */
export function agoText(atMs: number | undefined, nowMs: number): string {
  return atMs === undefined ? '-' : `${durationText(Math.max(0, nowMs - atMs))} ago`;
}

/** `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function durationText(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 1) return `${Math.round(ms)} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** A moment for programs: ISO 8601; null for what is not known. */
export function isoText(atMs: number | undefined): string | null {
  return atMs === undefined ? null : new Date(atMs).toISOString();
}
