import assert from 'node:assert/strict';

import {
  AggregationTemporality,
  AggregationType,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricData,
  PeriodicExportingMetricReader,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { packExponential } from '../../src/model/exponential-histogram.js';

/** What OpenTelemetry's own SDK makes of what `record` does with a meter. */
export async function collect(
  record: (provider: MeterProvider) => void,
  exponentialHistograms: boolean = false,
): Promise<ResourceMetrics> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 30 });
  const views = exponentialHistograms
    ? [{ instrumentName: '*', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM as const } }]
    : [];
  const provider = new MeterProvider({ readers: [reader], views });
  try {
    record(provider);
    await provider.forceFlush();
    return exporter.getMetrics()[0] ?? assert.fail('nothing was exported');
  } finally {
    await provider.shutdown();
  }
}

/** Values recorded by the SDK's exponential histogram, packed as the stores keep them. */
export async function recordExponential(values: readonly number[]): Promise<number[]> {
  const { scopeMetrics } = await collect((provider) => {
    const histogram = provider.getMeter('test').createHistogram('h');
    for (const value of values) histogram.record(value);
  }, true);
  const [metric] = scopeMetrics.flatMap(({ metrics }): MetricData[] => metrics);
  if (metric?.dataPointType !== DataPointType.EXPONENTIAL_HISTOGRAM)
    return assert.fail('no exponential histogram');
  const { scale, zeroCount, sum = 0, positive, negative } = metric.dataPoints[0]?.value ?? assert.fail();
  return packExponential({
    scale,
    zeroThreshold: 0,
    zeroCount,
    sum,
    positive: { offset: positive.offset, counts: positive.bucketCounts },
    negative: { offset: negative.offset, counts: negative.bucketCounts },
  });
}
