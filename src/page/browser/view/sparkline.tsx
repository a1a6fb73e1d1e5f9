import type { JSX } from 'preact';

const WIDTH = 96;
const HEIGHT = 20;
/** Points of a small curve. */
const POINTS = 60;

/** A curve of the size of a word; what it says stands beside it as a number. */
export function Sparkline({ values }: { readonly values: ReadonlyArray<number | null> }): JSX.Element {
  const shown = values.slice(-POINTS * Math.max(1, Math.ceil(values.length / POINTS)));
  const step = Math.max(1, Math.ceil(shown.length / POINTS));
  const points = shown.filter((_value, index) => (shown.length - 1 - index) % step === 0);
  const top = Math.max(...points.map((value) => value ?? 0), Number.MIN_VALUE);
  const x = (index: number): number =>
    WIDTH - ((points.length - 1 - index) * WIDTH) / Math.max(1, POINTS - 1);
  let path = '';
  let open = false;
  for (const [index, value] of points.entries()) {
    if (value !== null)
      path += `${open ? 'L' : 'M'}${x(index).toFixed(1)} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`;
    open = value !== null;
  }
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
