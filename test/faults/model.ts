import type { Exposition } from '../helpers/exposition.js';
import { BOUNDARIES, exposedName, gaugeName, type Item, NAMES } from './instruments.js';

/** What one process recorded, as the process that drives it knows. */
export class WriterModel {
  /** Milliseconds of `performance.now()` with each item. */
  readonly items: Array<{ readonly item: Item; readonly atMark: number }> = [];
  /** Up to here they have to be counted, whatever happens. */
  sure = 0;
  /** Up to here a scrape has shown them. */
  settled = 0;
  /** It ended where no callback could be asked any more: of what is observed, only what was known before is promised. */
  endedAtOnce = false;
  alive = true;

  add(items: readonly Item[]): void {
    for (const item of items) this.items.push({ item, atMark: performance.now() });
  }

  /** All that was recorded until then has to be counted. */
  secure(untilMark: number = Infinity): void {
    while (this.sure < this.items.length && (this.items[this.sure]?.atMark ?? Infinity) <= untilMark)
      this.sure += 1;
  }
}

/** The least and the most that may be shown. */
interface Range {
  low: number;
  high: number;
}

/** What all processes of a project recorded, and what a scrape has to show of it. */
export class Model {
  readonly writers: WriterModel[] = [];

  /** Recorded items that need not be counted. */
  get unsure(): number {
    return this.writers.reduce((sum, writer) => sum + writer.items.length - writer.sure, 0);
  }

  get recorded(): number {
    return this.writers.reduce((sum, writer) => sum + writer.items.length, 0);
  }

  begin(): WriterModel {
    const writer = new WriterModel();
    this.writers.push(writer);
    return writer;
  }

  /** What a scrape shows otherwise than it should; empty if it is right. */
  differences(shown: Exposition): string[] {
    return [...this.#totals(shown), ...this.#current(shown), ...this.#gauges(shown)];
  }

  /** Counters and histograms: of all that ever ran. */
  *#totals(shown: Exposition): Generator<string> {
    const ranges = new Map<string, Range & { name: string; labels: Record<string, string> }>();
    const add = (name: string, labels: Record<string, string>, value: number, isSure: boolean): void => {
      const key = JSON.stringify([name, labels]);
      const range = ranges.get(key) ?? { name, labels, low: 0, high: 0 };
      range.high += value;
      if (isSure) range.low += value;
      ranges.set(key, range);
    };
    for (const { items, sure, settled, endedAtOnce } of this.writers)
      for (const [index, { item }] of items.entries())
        for (const [name, labels, value] of samplesOf(item))
          add(name, labels, value, index < (endedAtOnce && item.kind === 'seen' ? settled : sure));
    for (const { name, labels, low, high } of ranges.values()) {
      const value = shown.sum(name, labels);
      if (value < low || value > high)
        yield `${name} ${JSON.stringify(labels)}: ${value}, not ${low} to ${high}`;
    }
  }

  /** Up-down counters: of those that live. */
  *#current(shown: Exposition): Generator<string> {
    for (const kind of ['open', 'queue'] as const) {
      const sums = new Map<string, number>();
      for (const { items, alive } of this.writers)
        for (const { item } of items)
          if (item.kind === kind)
            sums.set(item.label, (sums.get(item.label) ?? 0) + (alive ? item.value : 0));
      for (const [label, sum] of sums) {
        const value = shown.sum(exposedName(NAMES[kind]), { label });
        if (value !== sum) yield `${NAMES[kind]} ${label}: ${value}, not ${sum}`;
      }
    }
  }

  /** Gauges: the newest value of each process that lives, combined; `keep` has that of any. */
  *#gauges(shown: Exposition): Generator<string> {
    for (const [name, combine] of Object.entries(COMBINED)) {
      for (const label of this.#labels(name)) {
        const newest = this.writers
          .filter(({ alive }) => alive)
          .flatMap((writer) => newestOf(writer, name, label));
        const values = shown.samples(exposedName(name), { label }).map(({ value }) => value);
        const right = newest.length === 0 ? [] : combine(newest);
        if (JSON.stringify(values.toSorted(byValue)) !== JSON.stringify(right.toSorted(byValue)))
          yield `${name} ${label}: ${values.join()}, not ${right.join()}`;
      }
    }
    for (const mode of ['last', 'keep'] as const)
      yield* this.#newest(shown, gaugeName(mode), mode === 'keep');
  }

  /** Values that were recorded at about the same time by two processes have no order. */
  *#newest(shown: Exposition, name: string, keeps: boolean): Generator<string> {
    for (const label of this.#labels(name)) {
      const of = this.writers
        .filter(({ alive }) => alive || keeps)
        .flatMap((writer) => newestOf(writer, name, label));
      const latest = Math.max(...of.map(({ atMark }) => atMark));
      const isLost = keeps && this.writers.some(({ alive, sure, items }) => !alive && sure < items.length);
      const right = isLost
        ? this.writers.flatMap(({ items }) =>
            items.filter(({ item }) => item.name === name && item.label === label),
          )
        : of.filter(({ atMark }) => atMark > latest - SAME_TIME_MS);
      const values = shown.samples(exposedName(name), { label }).map(({ value }) => value);
      const isRight =
        values.length === 1 ? right.some(({ item }) => item.value === values[0]) : of.length === 0 || isLost;
      if (!isRight || values.length > 1)
        yield `${name} ${label}: ${values.join()}, not ${right.map(({ item }) => item.value).join(' or ')}`;
    }
  }

  #labels(name: string): Set<string> {
    const labels = new Set<string>();
    for (const { items } of this.writers)
      for (const { item } of items) if (item.name === name) labels.add(item.label);
    return labels;
  }
}

/** A loaded machine may hold up a process for so long between being told and recording. */
const SAME_TIME_MS = 3000;

type Timed = WriterModel['items'][number];

function newestOf({ items }: WriterModel, name: string, label: string): Timed[] {
  const newest = items.findLast(({ item }) => item.name === name && item.label === label);
  return newest === undefined ? [] : [newest];
}

const byValue = (a: number, b: number): number => a - b;
const numbers = (newest: readonly Timed[]): number[] => newest.map(({ item }) => item.value);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

const COMBINED: Readonly<Record<string, (newest: readonly Timed[]) => number[]>> = {
  [gaugeName('sum')]: (newest) => [sum(numbers(newest))],
  [gaugeName('min')]: (newest) => [Math.min(...numbers(newest))],
  [gaugeName('max')]: (newest) => [Math.max(...numbers(newest))],
  [gaugeName('avg')]: (newest) => [sum(numbers(newest)) / newest.length],
  [gaugeName('instance')]: numbers,
  [NAMES.temperature]: (newest) => [Math.max(...numbers(newest))],
};

/** The samples to which a measurement adds, and how much. */
function samplesOf({
  kind,
  name,
  label,
  value,
}: Item): Array<[name: string, labels: Record<string, string>, value: number]> {
  if (kind === 'count' || kind === 'seen') return [[exposedName(name, '_total'), { label }, value]];
  if (kind !== 'size' && kind !== 'latency') return [];
  const buckets = kind === 'size' ? [...BOUNDARIES, Infinity].filter((bound) => value <= bound) : [Infinity];
  return [
    [exposedName(name, '_sum'), { label }, value],
    [exposedName(name, '_count'), { label }, 1],
    ...buckets.map((bound): [string, Record<string, string>, number] => [
      exposedName(name, '_bucket'),
      { label, le: bound === Infinity ? '+Inf' : String(bound) },
      1,
    ]),
  ];
}
