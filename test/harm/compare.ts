import type { Observation } from './observe.js';

/** How much longer than without a preload a process may take to end: generous, for a loaded machine is no harm. */
const LONGER_MS = 25_000;

/** What is different with a preload, each as `place: without -> with`. */
export function differences(without: Observation, withPreload: Observation): string[] {
  const { milliseconds: before, ...expected } = without;
  const { milliseconds: after, ...seen } = withPreload;
  const late = after > before + LONGER_MS ? [`time: ${Math.round(after - before)} ms longer`] : [];
  return [...compare('', expected, seen), ...late];
}

function compare(place: string, without: unknown, withPreload: unknown): string[] {
  if (isDeep(without) && isDeep(withPreload) && Array.isArray(without) === Array.isArray(withPreload)) {
    if (Array.isArray(without) && place !== 'answers')
      return compareSets(place, without, withPreload as unknown[]);
    const keys = new Set([...Object.keys(without), ...Object.keys(withPreload)]);
    return [...keys].flatMap((key) =>
      compare(
        place === '' ? key : `${place}.${key}`,
        Reflect.get(without, key),
        Reflect.get(withPreload, key),
      ),
    );
  }
  return Object.is(without, withPreload) ? [] : [`${place}: ${shown(without)} -> ${shown(withPreload)}`];
}

/** Lists of names: what was added, and what is gone. */
function compareSets(place: string, without: readonly unknown[], withPreload: readonly unknown[]): string[] {
  const left = [...without];
  const added = withPreload.filter((value) => {
    const at = left.indexOf(value);
    if (at !== -1) left.splice(at, 1);
    return at === -1;
  });
  return [
    ...added.map((value) => `${place}: + ${shown(value)}`),
    ...left.map((value) => `${place}: - ${shown(value)}`),
  ];
}

function isDeep(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent');
}
