import {
  AggregationTemporality,
  DataPointType,
  InstrumentType,
  type MetricData,
} from '@opentelemetry/sdk-metrics';

import { areBoundaries, mendBoundaries, rebucket, sameBoundaries } from '../model/boundaries.js';
import { packExponential } from '../model/exponential-histogram.js';
import { type Family, type FamilyType, type InstanceAggregation, familyKey } from '../model/family.js';
import { DEFAULT_MAX_LABEL_LENGTH, shorten } from '../model/shorten.js';

type PointValue = MetricData['dataPoints'][number]['value'];
/** A point of a histogram, with explicit boundaries or exponential. */
export type HistogramValue = Exclude<PointValue, number>;
type ExplicitHistogram = Extract<PointValue, { readonly buckets: unknown }>;
type ExponentialHistogram = Exclude<HistogramValue, ExplicitHistogram>;

/** What makes two families different, without boundaries: those belong to the points of a histogram. */
export type MetricIdentity = Pick<Family, 'name' | 'type' | 'unit' | 'aggregation'>;

/** Names and units are cut at a fixed length: two processes with different settings must not make two families of one metric. */
export function identityOf(
  { descriptor, ...metric }: MetricData,
  aggregation: InstanceAggregation | undefined,
): MetricIdentity {
  return {
    name: shorten(descriptor.name.toWellFormed(), DEFAULT_MAX_LABEL_LENGTH),
    type: familyType(metric),
    unit: shorten(descriptor.unit.toWellFormed(), DEFAULT_MAX_LABEL_LENGTH),
    ...(aggregation && { aggregation }),
  };
}

/** `boundaries` are those of one of its points, undefined for anything but an explicit histogram. */
export function makeFamily(
  { aggregation, ...identity }: MetricIdentity,
  description: string,
  boundaries: readonly number[] | undefined,
): Family {
  const whole = { ...identity, ...(boundaries && { boundaries: [...boundaries] }) };
  return {
    key: familyKey(whole),
    ...whole,
    help: shorten(description.toWellFormed(), DEFAULT_MAX_LABEL_LENGTH),
    ...(aggregation && { aggregation }),
  };
}

/** Whether points of this metric with these boundaries belong to the family. */
export function isFamilyOf(
  family: Family,
  { name, type, unit, aggregation }: MetricIdentity,
  boundaries: readonly number[] | undefined,
): boolean {
  return (
    family.name === name &&
    family.type === type &&
    family.unit === unit &&
    family.aggregation === aggregation &&
    sameBoundaries(family.boundaries, boundaries)
  );
}

/** Undefined for anything but a histogram with explicit boundaries. */
export function givenBoundaries(value: PointValue): readonly number[] | undefined {
  return isExplicit(value) ? value.buckets.boundaries : undefined;
}

/** As a store takes them: finite, distinct and ascending. The given ones if they are. */
export function boundariesOf(value: PointValue): readonly number[] | undefined {
  return isExplicit(value) ? mended(value.buckets.boundaries) : undefined;
}

/** The `values` of a `DeltaPoint`. */
export function histogramValues(value: HistogramValue): readonly number[] {
  if (!isExplicit(value)) return exponentialValues(value);
  const { boundaries, counts } = value.buckets;
  const values = [value.sum ?? 0, ...counts];
  const right = mended(boundaries);
  return right === boundaries ? values : Array.from(rebucket(values, boundaries, right));
}

/** Whether the value is what was added since the last collection. */
export function isDelta(metric: MetricData): boolean {
  return (
    metric.dataPointType === DataPointType.SUM &&
    metric.aggregationTemporality === AggregationTemporality.DELTA
  );
}

/** Whether callbacks observe it. The SDK's descriptors say so, those of other producers may not. */
export function isObservable({ descriptor }: MetricData): boolean {
  const type: unknown = Reflect.get(descriptor, 'type');
  return OBSERVABLE.has(type);
}

/** Whether it was recorded by calls: its last value stands until the next one. */
export function isSynchronous({ descriptor }: MetricData): boolean {
  const type: unknown = Reflect.get(descriptor, 'type');
  return type !== undefined && !OBSERVABLE.has(type);
}

const OBSERVABLE: ReadonlySet<unknown> = new Set<InstrumentType>([
  InstrumentType.OBSERVABLE_COUNTER,
  InstrumentType.OBSERVABLE_GAUGE,
  InstrumentType.OBSERVABLE_UP_DOWN_COUNTER,
]);

function mended(boundaries: readonly number[]): readonly number[] {
  return areBoundaries(boundaries) ? boundaries : mendBoundaries(boundaries);
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

function familyType(
  metric: Pick<MetricData, 'dataPointType'> & { readonly isMonotonic?: boolean },
): FamilyType {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic === true ? 'counter' : 'updowncounter';
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.HISTOGRAM:
      return 'histogram';
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return 'exponentialhistogram';
  }
}
