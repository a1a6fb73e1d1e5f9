import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';

import { packExponential } from '../model/exponential-histogram.js';
import { type Family, type FamilyType, type InstanceAggregation, familyKey } from '../model/family.js';

type PointValue = MetricData['dataPoints'][number]['value'];
/** A point of a histogram, with explicit boundaries or exponential. */
export type HistogramValue = Exclude<PointValue, number>;
type ExplicitHistogram = Extract<PointValue, { readonly buckets: unknown }>;
type ExponentialHistogram = Exclude<HistogramValue, ExplicitHistogram>;

/** The family of a metric; `boundaries` are those of one of its points, undefined for anything but an explicit histogram. */
export function makeFamily(
  metric: MetricData,
  boundaries: readonly number[] | undefined,
  aggregation: InstanceAggregation | undefined,
): Family {
  const { name, unit, description } = metric.descriptor;
  const identity = {
    name: name.toWellFormed(),
    type: familyType(metric),
    unit: unit.toWellFormed(),
    ...(boundaries && { boundaries: [...boundaries] }),
  };
  return {
    key: familyKey({ ...identity, ...(aggregation && { aggregation }) }),
    ...identity,
    help: description.toWellFormed(),
    ...(aggregation && { aggregation }),
  };
}

/** Whether a point of `metric` with these boundaries belongs to `family`, which has the metric's name. */
export function isFamilyOf(
  family: Family,
  metric: MetricData,
  boundaries: readonly number[] | undefined,
): boolean {
  return (
    family.type === familyType(metric) &&
    family.unit === metric.descriptor.unit &&
    sameNumbers(family.boundaries, boundaries)
  );
}

/** The system.* families describe the host, not the process: each process would report the same numbers. */
export function isHostMetric(name: string): boolean {
  return name.startsWith('system.');
}

/** Undefined for anything but a histogram with explicit boundaries. */
export function boundariesOf(value: PointValue): readonly number[] | undefined {
  return isExplicit(value) ? value.buckets.boundaries : undefined;
}

/** The `values` of a `DeltaPoint`. */
export function histogramValues(value: HistogramValue): number[] {
  return isExplicit(value) ? [value.sum ?? 0, ...value.buckets.counts] : exponentialValues(value);
}

export function sameNumbers(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    a.length === b.length &&
    a.every((value, index) => value === b[index])
  );
}

function isExplicit(value: PointValue): value is ExplicitHistogram {
  return typeof value === 'object' && 'buckets' in value;
}

function exponentialValues({ scale, zeroCount, sum, positive, negative }: ExponentialHistogram): number[] {
  return packExponential({
    scale,
    zeroThreshold: 0,
    zeroCount,
    sum: sum ?? 0,
    positive: { offset: positive.offset, counts: positive.bucketCounts },
    negative: { offset: negative.offset, counts: negative.bucketCounts },
  });
}

function familyType(metric: MetricData): FamilyType {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'updowncounter';
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.HISTOGRAM:
      return 'histogram';
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return 'exponentialhistogram';
  }
}
