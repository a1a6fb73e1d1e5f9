import { rebucket, sharedBoundaries } from '../../model/boundaries.js';
import {
  type Exponential,
  MAX_EXPONENTIAL_BUCKETS,
  addExponential,
  unpackExponential,
} from '../../model/exponential-histogram.js';
import type { Family } from '../../model/family.js';
import type { SnapshotSeries } from '../../model/snapshot.js';
import type { Block } from './metric-family.js';
import { exponentialBoundaries, exponentialToClassic } from './classic-histogram.js';
import type { EncodedLabels, LabelCache } from '../naming/label-cache.js';

/** What one label set of a block says: the sum of all series that have these labels in the end. */
export interface Point {
  readonly labels: EncodedLabels;
  /** Unix milliseconds, 0 if unknown. */
  readonly startMs: number;
  /** `[value]`, or `[sum, c0, …, cN]` on the boundaries of the block; meaningless if `native` is set. */
  readonly values: ArrayLike<number>;
  /** Set if the format carries native histograms and this is one. */
  readonly native?: Exponential;
}

export interface BlockPoints {
  /** The finite upper bounds of every classic histogram of the block. */
  readonly boundaries: readonly number[];
  readonly points: readonly Point[];
}

/** Series between two breaths, about 0.3 ms: labels that have to be rendered cost some 20 times as much as known ones. */
const SERIES_PER_BREATH = 500;
const NEW_SERIES_PER_BREATH = 50;

/**
 * Native histograms know the schemas -4 … 8: "if Scale is < -4, the data point MUST be dropped". Ours become
 * classic instead. Merging never gets there by itself: all doubles fit into 131 buckets of scale -4.
 */
const MIN_NATIVE_SCALE = -4;

/** The points of a block, none of them twice. Yields when the caller may want to let others run. */
export function* collectPoints(
  block: Block,
  labels: LabelCache,
  nativeHistograms: boolean,
): Generator<undefined, BlockPoints> {
  const histogram = block.type === 'histogram';
  const reader = histogram ? yield* histogramReader(block, nativeHistograms) : SCALARS;
  const points: Point[] = [];
  const indexes = new Map<string, number>();
  let visited = 0;
  let rendered = labels.rendered;
  for (const { family, series } of block.families) {
    for (const entry of series) {
      visited += 1;
      if (visited % SERIES_PER_BREATH === 0 || labels.rendered - rendered >= NEW_SERIES_PER_BREATH) {
        rendered = labels.rendered;
        yield;
      }
      const point = reader.read(family, entry, labels.get(entry.series, histogram));
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

interface Reader {
  readonly boundaries: readonly number[];
  read(family: Family, entry: SnapshotSeries, labels: EncodedLabels): Point;
  merge(a: Point, b: Point, family: Family): Point;
}

const SCALARS: Reader = {
  boundaries: [],
  read: (_family, entry, labels) => ({ labels, startMs: entry.startMs, values: entry.values }),
  // Sums add up; of two gauges only the last is true.
  merge: (a, b, family) => (family.type === 'gauge' ? b : addClassic(a, b)),
};

function* histogramReader(block: Block, nativeHistograms: boolean): Generator<undefined, Reader> {
  const exponential = new Map<SnapshotSeries, Exponential>();
  for (const { family, series } of block.families) {
    if (family.type !== 'exponentialhistogram') continue;
    for (const entry of series) {
      exponential.set(entry, unpackExponential(entry.values));
      if (exponential.size % NEW_SERIES_PER_BREATH === 0) yield;
    }
  }
  const all = [...exponential.values()];
  const explicit = block.families.filter(({ family }) => family.type === 'histogram');
  // Prometheus takes a whole family for what its first histogram is, so that one block is native or classic.
  if (nativeHistograms && explicit.length === 0 && all.every(({ scale }) => scale >= MIN_NATIVE_SCALE)) {
    return nativeReader(exponential);
  }
  const boundaries =
    explicit.length > 0
      ? sharedBoundaries(explicit.map(({ family }) => family.boundaries ?? []))
      : exponentialBoundaries(all);
  return classicReader(boundaries, exponential);
}

function nativeReader(histograms: ReadonlyMap<SnapshotSeries, Exponential>): Reader {
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
): Reader {
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

function addClassic(a: Point, b: Point): Point {
  const values = Array.from(a.values, (value, index) => value + (b.values[index] ?? 0));
  return { labels: a.labels, startMs: earlier(a.startMs, b.startMs), values };
}

function earlier(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}
