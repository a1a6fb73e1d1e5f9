import { SlidingWindow } from '../live/sliding-window.js';
import type { ReadableMetric } from '../prometheus/exposition.js';
import type { MetricPoint } from '../prometheus/families/metric-points.js';
import { type Distribution, quantile } from '../model/distribution.js';
import { History, rounded } from './history.js';
import type { FamilyAnswer, PointNow } from './protocol.js';

/** Points of a metric that are sent, and that have a curve; the largest. */
const MAX_POINTS = 200;
const MAX_CURVES = 20;

/** By the key of the labels: `[value]`, or `[sum, c0, …, cN]`. */
type Values = ReadonlyMap<string, readonly number[]>;

/** One metric that somebody looks at: its points as the exposition says them, and how they have changed since. */
export class ExploredFamily {
  /** When it was last asked for, on a clock that nobody sets. */
  askedMark: number;
  readonly #history: History;
  readonly #window: SlidingWindow<Values>;
  #answer: FamilyAnswer | undefined;

  constructor(askedMark: number, windowMs: number, rows: number) {
    this.askedMark = askedMark;
    this.#window = new SlidingWindow(windowMs);
    this.#history = new History(rows, MAX_CURVES);
  }

  /** Undefined before the first {@link take}. */
  get answer(): FamilyAnswer | undefined {
    if (this.#answer === undefined) return undefined;
    const { times, columns } = this.#history.after(0);
    const points = this.#answer.points.map((point) => ({
      ...point,
      curve: columns[JSON.stringify(point.labels)] ?? [],
    }));
    return { ...this.#answer, times, points };
  }

  async take(metric: ReadableMetric, mark: number, atMs: number): Promise<void> {
    const { boundaries, points } = await metric.points();
    const isHistogram = metric.type === 'histogram';
    const valued = points.map((point) => ({ point, size: Math.abs(sizeOf(point, isHistogram)) }));
    const largest = valued.toSorted(
      (a, b) => b.size - a.size || (a.point.labels.key < b.point.labels.key ? -1 : 1),
    );
    const kept = largest.slice(0, MAX_POINTS).map(({ point }) => point);
    const values = new Map(kept.map((point) => [point.labels.key, Array.from(point.values)]));
    const { before, seconds } = this.#window.add(values, mark);
    const rows = kept.map((point) => {
      return pointNow(point, before.get(point.labels.key), seconds, metric.type, boundaries);
    });
    const curves = new Map(
      rows.map((row) => [
        JSON.stringify(row.labels),
        (addsUp(metric.type) ? row.perSecond : row.value) ?? undefined,
      ]),
    );
    this.#history.add(atMs, curves);
    const { name, type, help, unit } = metric;
    this.#answer = { name, type, help, unit, series: points.length, times: [], points: rows };
  }
}

function addsUp(type: string): boolean {
  return type === 'counter' || type === 'histogram';
}

function sizeOf({ values }: MetricPoint, isHistogram: boolean): number {
  const value = isHistogram ? countOf(values) : (values[0] ?? 0);
  return Number.isNaN(value) ? 0 : value;
}

function countOf(values: ArrayLike<number>): number {
  let count = 0;
  for (let bucket = 1; bucket < values.length; bucket += 1) count += values[bucket] ?? 0;
  return count;
}

function pointNow(
  { labels, values }: MetricPoint,
  was: readonly number[] | undefined,
  seconds: number,
  type: string,
  boundaries: readonly number[],
): PointNow {
  const pairs = labels.key === '' ? [] : (JSON.parse(labels.key) as PointNow['labels']);
  const none = { sum: null, perSecond: null, p50: null, p95: null, p99: null, curve: [] };
  const value = type === 'histogram' ? countOf(values) : (values[0] ?? Number.NaN);
  const now = { ...none, labels: pairs, value: Number.isFinite(value) ? value : null };
  if (!addsUp(type)) return now;
  // New in between, or begun again: what it says now was added since. In the first moment nothing is known.
  const added = addedTo(values, seconds > 0 ? was : Array.from(values));
  const count = type === 'histogram' ? countOf(added) : (added[0] ?? 0);
  const perSecond = seconds > 0 ? rounded(count / seconds) : null;
  if (type !== 'histogram') return { ...now, perSecond };
  const spread: Distribution = { count, sum: added[0] ?? 0, boundaries, counts: added.slice(1) };
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => rounded(quantile(share, spread)));
  return { ...now, sum: values[0] ?? null, perSecond, p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
}

function addedTo(values: ArrayLike<number>, was: readonly number[] | undefined): number[] {
  const now = Array.from(values);
  if (was?.length !== now.length) return now;
  const added = now.map((value, index) => value - (was[index] ?? 0));
  // The sum of a histogram may go down, where something negative is observed.
  return added.some((value, index) => value < 0 && (index > 0 || now.length === 1)) ? now : added;
}
