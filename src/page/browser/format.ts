/** Numbers as a person reads them. What is not known is a dash. */
type Known = number | null | undefined;

const NONE = '–';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, useGrouping: false });
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 3 });

export function count(value: Known): string {
  return isKnown(value) ? exact.format(value) : NONE;
}

/** Per second. */
export function rate(value: Known): string {
  if (!isKnown(value)) return NONE;
  if (value < 0.01) return short.format(value);
  return value >= 1000
    ? whole.format(value)
    : value >= 100
      ? value.toFixed(0)
      : value.toFixed(value >= 10 ? 1 : 2);
}

export function share(value: Known): string {
  if (!isKnown(value)) return NONE;
  const percent = value * 100;
  return `${percent === 0 || percent >= 10 ? percent.toFixed(0) : percent.toFixed(percent >= 1 ? 1 : 2)} %`;
}

export function seconds(value: Known): string {
  if (!isKnown(value)) return NONE;
  if (value === 0) return '0 ms';
  if (value < 0.001) return `${short.format(value * 1e6)} µs`;
  return value < 1 ? `${short.format(value * 1000)} ms` : `${short.format(value)} s`;
}

export function bytes(value: Known): string {
  if (!isKnown(value)) return NONE;
  let size = value;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (Math.abs(size) < 1024) return `${short.format(size)} ${unit}`;
    size /= 1024;
  }
  return `${short.format(size)} TiB`;
}

/** A value of any metric, by the unit of its name. */
export function quantity(value: Known, unit: string): string {
  if (!isKnown(value)) return NONE;
  if (unit === 'bytes') return bytes(value);
  if (unit === 'seconds' && Math.abs(value) < 1e6) return seconds(value);
  return count(value);
}

/** How long ago, or for how long. */
export function age(ms: Known): string {
  if (!isKnown(ms)) return NONE;
  const total = Math.max(0, Math.round(ms / 1000));
  if (total < 60) return `${total} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  if (total < 86_400) return `${Math.floor(total / 3600)} h ${Math.floor((total % 3600) / 60)} min`;
  return `${Math.floor(total / 86_400)} d ${Math.floor((total % 86_400) / 3600)} h`;
}

export function clock(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toLocaleTimeString('en-GB');
}

function isKnown(value: Known): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}
