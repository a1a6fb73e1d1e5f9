import type { Attributes, Meter } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  type ExponentialHistogram,
  type Histogram,
  type MetricData,
  MeterProvider,
  type MetricProducer,
  MetricReader,
  type ViewOptions,
} from '@opentelemetry/sdk-metrics';

export class ManualReader extends MetricReader {
  readonly #temporality: AggregationTemporality;

  constructor(
    temporality: AggregationTemporality = AggregationTemporality.CUMULATIVE,
    metricProducers: MetricProducer[] = [],
  ) {
    super({ metricProducers });
    this.#temporality = temporality;
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  override selectAggregationTemporality(): AggregationTemporality {
    return this.#temporality;
  }
}

export type CollectedPoint = DataPoint<number> | DataPoint<Histogram> | DataPoint<ExponentialHistogram>;

/** A real SDK whose metrics are read on demand. */
export class CollectedMetrics {
  readonly provider: MeterProvider;
  readonly meter: Meter;
  readonly #reader = new ManualReader();

  constructor(views: ViewOptions[] = []) {
    this.provider = new MeterProvider({ readers: [this.#reader], views });
    this.meter = this.provider.getMeter('test');
  }

  async all(): Promise<MetricData[]> {
    const { resourceMetrics, errors } = await this.#reader.collect();
    if (errors.length > 0) throw errors[0];
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  }

  async points(name: string): Promise<readonly CollectedPoint[]> {
    const points: CollectedPoint[] = [];
    for (const { descriptor, dataPoints } of await this.all()) {
      if (descriptor.name === name) points.push(...dataPoints);
    }
    return points;
  }

  /** The first series of a histogram. */
  async histogram(name: string): Promise<Histogram> {
    const [point] = await this.points(name);
    const value = point?.value;
    if (typeof value === 'object' && 'buckets' in value) return value;
    throw new Error(`${name} has no histogram`);
  }

  /** Each series of a metric as `key=value,…` in the order of keys, with its count or value. */
  async series(name: string): Promise<Record<string, number>> {
    const series: Record<string, number> = {};
    for (const { attributes, value } of await this.points(name)) {
      series[attributesText(attributes)] = typeof value === 'number' ? value : value.count;
    }
    return series;
  }

  shutdown(): Promise<void> {
    return this.provider.shutdown();
  }
}

export function attributesText(attributes: Attributes): string {
  return Object.keys(attributes)
    .toSorted()
    .map((key) => `${key}=${String(attributes[key])}`)
    .join(',');
}
