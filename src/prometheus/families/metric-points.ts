import type { Step } from '../../event-loop/fair-yield.js';
import { rebucket, sharedBoundaries } from '../../model/boundaries.js';
import {
  type Exponential,
  MAX_EXPONENTIAL_BUCKETS,
  addExponential,
  unpackExponential,
} from '../../model/exponential-histogram.js';
import type { Family } from '../../model/family.js';
import type { SnapshotSeries } from '../../model/snapshot.js';
import type { MetricFamily } from './metric-family.js';
import { exponentialToClassic } from '../../model/histogram-conversion.js';
import { exponentialBoundaries } from './classic-histogram.js';
import type { EncodedLabels, LabelCache } from '../naming/label-cache.js';

/** One label set of a metric, and the sum of all series that have these labels in the end. */
export interface MetricPoint {
  readonly labels: EncodedLabels;
  /** Unix milliseconds, 0 if unknown. */
  readonly startMs: number;
  /** `[value]`, or `[sum, c0, …, cN]` on the boundaries of the metric; meaningless if `native` is set. */
  readonly values: ArrayLike<number>;
  /** Set if the format carries native histograms and this is one. */
  readonly native?: Exponential;
}

export interface CollectedPoints {
  /** The finite upper bounds of every classic histogram of the metric. */
  readonly boundaries: readonly number[];
  readonly points: readonly MetricPoint[];
}

/** About 0.3 ms. */
export const SERIES_PER_SLICE = 500;

/** A series whose labels have to be rendered, or whose buckets have to be unpacked, costs some ten to twenty known ones. */
const NEW_SERIES_WEIGHT = 10;

/**
 * Native histograms know the schemas -4 … 8: "if Scale is < -4, the data point MUST be dropped". Ours become
 * classic instead. Merging never gets there by itself: all doubles fit into 131 buckets of scale -4.
 */
const MIN_NATIVE_SCALE = -4;

/** The points of a metric, none of them twice. `step`: from {@link SERIES_PER_SLICE}, shared by all metrics of a scrape. */
export async function collectPoints(
  metric: MetricFamily,
  labels: LabelCache,
  nativeHistograms: boolean,
  step: Step,
): Promise<CollectedPoints> {
  const histogram = metric.type === 'histogram';
  const reader = histogram ? await histogramReader(metric, nativeHistograms, step) : SCALARS;
  const points: MetricPoint[] = [];
  const indexes = new Map<string, number>();
  for (const { family, series } of metric.families) {
    for (const entry of series) {
      const rendered = labels.rendered;
      const encoded = labels.get(entry.series, histogram);
      const turn = step(labels.rendered === rendered ? 1 : NEW_SERIES_WEIGHT);
      if (turn !== undefined) await turn;
      const point = reader.read(family, entry, encoded);
      const index = indexes.get(point.labels.key);
      const other = index === undefined ? undefined : points[index];
      if (index === undefined || other === undefined) {
        indexes.set(point.labels.key, points.length);
        points.push(point);
      } else points[index] = reader.merge(other, point, family);
    }
  }
  return { boundaries: reader.boundaries, points };
}

interface PointReader {
  readonly boundaries: readonly number[];
  read(family: Family, entry: SnapshotSeries, labels: EncodedLabels): MetricPoint;
  merge(a: MetricPoint, b: MetricPoint, family: Family): MetricPoint;
}

const SCALARS: PointReader = {
  boundaries: [],
  read: (_family, entry, labels) => ({ labels, startMs: entry.startMs, values: entry.values }),
  // Sums add up; of two gauges only the last is true.
  merge: (a, b, family) => {
    if (family.type !== 'gauge') return addClassic(a, b);
    return Number.isNaN(b.values[0]) ? a : b;
  },
};

async function histogramReader(
  metric: MetricFamily,
  nativeHistograms: boolean,
  step: Step,
): Promise<PointReader> {
  const exponential = new Map<SnapshotSeries, Exponential>();
  for (const { family, series } of metric.families) {
    if (family.type !== 'exponentialhistogram') continue;
    for (const entry of series) {
      exponential.set(entry, unpackExponential(entry.values));
      const turn = step(NEW_SERIES_WEIGHT);
      if (turn !== undefined) await turn;
    }
  }
  const all = [...exponential.values()];
  const explicit = metric.families.filter(({ family }) => family.type === 'histogram');
  // Prometheus reads a whole family in the kind of its first histogram, so a metric is native or classic as a whole.
  if (nativeHistograms && explicit.length === 0 && all.every(({ scale }) => scale >= MIN_NATIVE_SCALE)) {
    return nativeReader(exponential);
  }
  const boundaries =
    explicit.length > 0
      ? sharedBoundaries(explicit.map(({ family }) => family.boundaries ?? []))
      : exponentialBoundaries(all);
  return classicReader(boundaries, exponential);
}

function nativeReader(histograms: ReadonlyMap<SnapshotSeries, Exponential>): PointReader {
  return {
    boundaries: [],
    read: (_family, entry, labels) => {
      const native = histograms.get(entry);
      return { labels, startMs: entry.startMs, values: [], ...(native && { native }) };
    },
    merge: (a, b) => {
      const point = addClassic(a, b);
      if (a.native === undefined || b.native === undefined) return point;
      return { ...point, native: addExponential(a.native, b.native, MAX_EXPONENTIAL_BUCKETS) };
    },
  };
}

function classicReader(
  boundaries: readonly number[],
  exponential: ReadonlyMap<SnapshotSeries, Exponential>,
): PointReader {
  return {
    boundaries,
    read: (family, entry, labels) => {
      const histogram = exponential.get(entry);
      const values = histogram
        ? exponentialToClassic(histogram, boundaries)
        : rebucket(entry.values, family.boundaries ?? [], boundaries);
      return { labels, startMs: entry.startMs, values };
    },
    merge: addClassic,
  };
}

function addClassic(a: MetricPoint, b: MetricPoint): MetricPoint {
  const values = Array.from(a.values, (value, index) => sum(value, b.values[index] ?? 0));
  return { labels: a.labels, startMs: earlier(a.startMs, b.startMs), values };
}

/** A value that is not a number hides no other one. */
function sum(a: number, b: number): number {
  if (Number.isNaN(a)) return b;
  return Number.isNaN(b) ? a : a + b;
}

function earlier(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}
