/** One thing that was measured over time. */
export interface Curve {
  readonly name: string;
  readonly unit: string;
  /** What a change has to exceed in order to be growth rather than noise, in the unit. */
  readonly noise: number;
  readonly points: ReadonlyArray<readonly [seconds: number, value: number]>;
}

const WIDTH = 640;
const HEIGHT = 120;

/** One curve as SVG. */
export function svgOf({ name, unit, points }: Curve): string {
  const values = points.map(([, value]) => value);
  const [first = [0, 0], last = [1, 0]] = [points[0], points.at(-1)];
  const top = Math.max(...values, 0) * 1.1 || 1;
  const x = (seconds: number): number => ((seconds - first[0]) / Math.max(1, last[0] - first[0])) * WIDTH;
  const line = points.map(
    ([at, value]) => `${x(at).toFixed(1)},${(HEIGHT - (value / top) * HEIGHT).toFixed(1)}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 -18 ${WIDTH} ${HEIGHT + 36}" width="${WIDTH}" font-family="sans-serif" font-size="11">`,
    `<text x="0" y="-6">${name}: 0 to ${top.toPrecision(3)} ${unit}</text>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#bbb"/>`,
    `<polyline fill="none" stroke="#3366cc" stroke-width="1.5" points="${line.join(' ')}"/>`,
    `<text x="${WIDTH}" y="${HEIGHT + 14}" text-anchor="end">${Math.round(last[0] - first[0])} s</text>`,
    '</svg>',
  ].join('\n');
}

export interface Verdict {
  readonly before: number;
  readonly after: number;
  readonly grows: boolean;
}

/** Growth is allowed in it: the JIT, caches, the first series. */
const WARM_UP = 1 / 3;
/** Of the value. */
const TOLERANCE = 0.15;

/** Compares the second third of the time with the last one; the first is for what fills up once. */
export function verdictOf({ points, noise }: Curve): Verdict {
  const values = points.map(([, value]) => value);
  const start = Math.floor(values.length * WARM_UP);
  const middle = Math.floor((values.length + start) / 2);
  const before = median(values.slice(start, middle));
  const after = median(values.slice(middle));
  return { before, after, grows: after - before > Math.max(noise, TOLERANCE * before) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
