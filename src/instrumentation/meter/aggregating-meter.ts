import { type Attributes, type HrTime, type MetricOptions, ValueType } from '@opentelemetry/api';
import type * as ResourcesModule from '@opentelemetry/resources';
import type {
  AggregationTemporality,
  CollectionResult,
  DataPoint,
  Histogram,
  MetricData,
  MetricProducer,
  ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import type * as SdkMetricsModule from '@opentelemetry/sdk-metrics';

import { DEFAULT_MAX_SERIES, OVERFLOW_ATTRIBUTE } from '../../model/series.js';
import { DEFAULT_MAX_LABEL_LENGTH } from '../../model/shorten.js';
import type { BindableCounter, BindableHistogram, BoundMeter } from './bound-meter.js';
import { histogramOptions } from './histogram-options.js';
import { LabelLimit } from './label-limit.js';
import { type ObservationLosses, SILENT_LOSSES } from './observation-losses.js';

/** A producer that can also be asked where nothing may wait: at the end of a process. */
export interface SynchronousProducer extends MetricProducer {
  /** What `collect` would hand over. */
  collectNow(): ScopeMetrics[];
}

/** One series. `totals`: a counter's value, or a histogram's sum and the counts of its buckets. Only ever grows. */
interface Accumulation {
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  readonly totals: number[];
}

interface Family {
  readonly name: string;
  readonly options: MetricOptions;
  /** Undefined for a counter. */
  readonly boundaries: number[] | undefined;
  readonly series: Map<string, Accumulation>;
}

export interface AggregatingMeterOptions {
  readonly name: string;
  readonly version?: string;
  /** Series per instrument; new ones beyond that are summed into `otel.metric.overflow`. Default 2000. */
  readonly maxSeries?: number;
  /** Characters that an attribute may have. Default 1024. */
  readonly maxLabelLength?: number;
  /** Told what was refused or cut. Default: nobody. */
  readonly losses?: ObservationLosses;
  /** Called with the first series of all: something was measured. */
  readonly onFirstSeries?: (() => void) | undefined;
}

/**
 * Aggregates by itself and hands the result to a reader as a {@link MetricProducer}, the specification's bridge for
 * measurements made elsewhere. Views do not apply to it.
 */
export class AggregatingMeter implements BoundMeter {
  readonly #scope: { readonly name: string; readonly version?: string };
  readonly #maxSeries: number;
  readonly #labels: LabelLimit;
  readonly #losses: ObservationLosses;
  readonly #families: Family[] = [];
  #onFirstSeries: (() => void) | undefined;

  constructor({
    name,
    version,
    maxSeries = DEFAULT_MAX_SERIES,
    maxLabelLength = DEFAULT_MAX_LABEL_LENGTH,
    losses = SILENT_LOSSES,
    onFirstSeries,
  }: AggregatingMeterOptions) {
    this.#onFirstSeries = onFirstSeries;
    this.#scope = { name, ...(version !== undefined && { version }) };
    this.#maxSeries = maxSeries;
    this.#labels = new LabelLimit(maxLabelLength, losses);
    this.#losses = losses;
  }

  createHistogram(name: string, options: MetricOptions): BindableHistogram {
    const whole = histogramOptions(name, options, this.#losses) ?? options;
    const boundaries = [...(whole.advice?.explicitBucketBoundaries ?? [])];
    const family = this.#addFamily(name, options, boundaries);
    return {
      bind: (attributes) => {
        const { totals } = this.#find(family, this.#labels.fit(attributes, name), boundaries.length + 2);
        return {
          record: (value) => {
            if (isAddable(value)) record(totals, boundaries, value);
            else this.#losses.drop(name, `${value} cannot be added to a histogram`);
          },
        };
      },
    };
  }

  createCounter(name: string, options: MetricOptions): BindableCounter {
    const family = this.#addFamily(name, options, undefined);
    return {
      bind: (attributes) => {
        const { totals } = this.#find(family, this.#labels.fit(attributes, name), 1);
        return {
          add: (value) => {
            if (isAddable(value)) totals[0] = (totals[0] ?? 0) + value;
            else this.#losses.drop(name, `${value} cannot be added to a counter`);
          },
        };
      },
    };
  }

  /** For one reader: each keeps its own account of what it has been told. */
  producer(temporality: AggregationTemporality): SynchronousProducer {
    // Loaded here and not above: a process that ends without a reader does not pay for the SDK.
    const sdk = require('@opentelemetry/sdk-metrics') as typeof SdkMetricsModule;
    const { emptyResource } = require('@opentelemetry/resources') as typeof ResourcesModule;
    const isCumulative = temporality === sdk.AggregationTemporality.CUMULATIVE;
    const reported = new WeakMap<Accumulation, readonly number[]>();
    let lastTime = now();
    const collectNow = (): ScopeMetrics[] => {
      const time = now();
      const metrics: MetricData[] = [];
      for (const family of this.#families) {
        const points: Array<DataPoint<readonly number[]>> = [];
        for (const each of family.series.values()) {
          const { attributes, startTime, totals } = each;
          if (isCumulative) {
            points.push({ attributes, startTime, endTime: time, value: totals });
            continue;
          }
          const before = reported.get(each);
          const value =
            before === undefined ? totals : totals.map((total, index) => total - (before[index] ?? 0));
          if (!value.some((part) => part !== 0)) continue;
          reported.set(each, [...totals]);
          points.push({ attributes, startTime: lastTime, endTime: time, value });
        }
        if (points.length > 0) metrics.push(toMetricData(sdk.DataPointType, family, temporality, points));
      }
      lastTime = time;
      return metrics.length === 0 ? [] : [{ scope: this.#scope, metrics }];
    };
    const collect = (): Promise<CollectionResult> =>
      Promise.resolve({
        resourceMetrics: { resource: emptyResource(), scopeMetrics: collectNow() },
        errors: [],
      });
    return { collect, collectNow };
  }

  #addFamily(name: string, options: MetricOptions, boundaries: number[] | undefined): Family {
    const family = { name, options, boundaries, series: new Map<string, Accumulation>() };
    this.#families.push(family);
    return family;
  }

  #find(family: Family, attributes: Attributes, length: number): Accumulation {
    const { series } = family;
    const key = textOf(attributes);
    const known = series.get(key);
    if (known !== undefined) return known;
    // The overflow series has its place beside them.
    if (series.size >= this.#maxSeries && key !== OVERFLOW_KEY) return this.#find(family, OVERFLOW, length);
    const added = {
      // The reader names a series that cannot change only once.
      attributes: Object.freeze({ ...attributes }),
      startTime: now(),
      totals: Array.from<number>({ length }).fill(0),
    };
    series.set(key, added);
    const onFirstSeries = this.#onFirstSeries;
    this.#onFirstSeries = undefined;
    onFirstSeries?.();
    return added;
  }
}

const OVERFLOW: Attributes = { [OVERFLOW_ATTRIBUTE]: true };
const OVERFLOW_KEY = textOf(OVERFLOW);

function textOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** NaN or infinity would be in the sum for ever, and neither a duration nor a size is negative. */
function isAddable(value: number): boolean {
  return value >= 0 && value < Infinity;
}

function record(totals: number[], boundaries: readonly number[], value: number): void {
  let bucket = 0;
  // Most durations are short: the first buckets answer before a binary search would.
  while (bucket < boundaries.length && value > (boundaries[bucket] ?? 0)) bucket++;
  totals[0] = (totals[0] ?? 0) + value;
  totals[bucket + 1] = (totals[bucket + 1] ?? 0) + 1;
}

function toMetricData(
  type: typeof SdkMetricsModule.DataPointType,
  { name, options, boundaries }: Family,
  aggregationTemporality: AggregationTemporality,
  points: ReadonlyArray<DataPoint<readonly number[]>>,
): MetricData {
  const { description = '', unit = '', valueType = ValueType.DOUBLE } = options;
  const descriptor = { name, description, unit, valueType };
  if (boundaries === undefined) {
    const dataPoints = points.map((point) => ({ ...point, value: point.value[0] ?? 0 }));
    return {
      descriptor,
      aggregationTemporality,
      dataPointType: type.SUM,
      isMonotonic: true,
      dataPoints,
    };
  }
  const dataPoints = points.map((point) => ({ ...point, value: toHistogram(boundaries, point.value) }));
  return { descriptor, aggregationTemporality, dataPointType: type.HISTOGRAM, dataPoints };
}

function toHistogram(boundaries: number[], [sum = 0, ...counts]: readonly number[]): Histogram {
  const count = counts.reduce((total, each) => total + each, 0);
  return { sum, count, buckets: { boundaries, counts } };
}

function now(): HrTime {
  const ms = Date.now();
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
}
