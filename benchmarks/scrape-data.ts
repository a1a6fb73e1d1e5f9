import { AggregationTemporality, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { ValueType } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { Histogram, Registry } from 'prom-client';

import { Exposition } from '../src/prometheus/exposition.js';
import type { Attributes } from '../src/model/series.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../src/model/snapshot.js';

/** 0.001 · 2^n: fifteen finite buckets, sixteen with `+Inf`. */
export const BOUNDARIES: readonly number[] = Array.from({ length: 15 }, (_, n) => 0.001 * 2 ** n);

const SCOPE = { name: '@opentelemetry/instrumentation-http', version: '0.223.0' };

export function newExposition(): Exposition {
  return new Exposition({
    translationStrategy: 'UnderscoreEscapingWithSuffixes',
    scopeInfo: true,
    targetInfo: true,
    resourceLabels: () => false,
    warn: () => undefined,
  });
}

function attributesOf(index: number): Attributes {
  return [
    ['http.request.method', ['GET', 'POST', 'PUT'][index % 3] ?? ''],
    ['http.response.status_code', String(200 + (index % 7))],
    ['http.route', `/api/v1/customers/{customerId}/orders/${index}`],
    ['network.protocol.version', '1.1'],
    ['url.scheme', 'https'],
  ];
}

/** Deterministic, so that all candidates print the same numbers in every run. */
function countsOf(index: number): number[] {
  return Array.from({ length: BOUNDARIES.length + 1 }, (_, bucket) => ((index * 31 + bucket * 17) % 97) ** 2);
}

const sumOf = (index: number): number => index * 1.2345678901 + 0.1;

/** `series` histograms of 18 lines each, spread over families of at most 2,000 series (the default cap). */
export function snapshotOf(series: number): Snapshot {
  const families: SnapshotFamily[] = [];
  for (let first = 0; first < series; first += 2000) {
    const members = Array.from({ length: Math.min(2000, series - first) }, (_, k) =>
      histogramSeries(first + k),
    );
    families.push({
      family: {
        key: `f${first}`,
        name: first === 0 ? 'http.server.request.duration' : `http.server.request.duration.${first}`,
        type: 'histogram',
        unit: 's',
        help: 'Duration of HTTP server requests.',
        boundaries: BOUNDARIES,
      },
      series: members,
    });
  }
  return { resource: [['service.name', 'shop']], instances: 4, families };
}

function histogramSeries(index: number): SnapshotSeries {
  return {
    series: { id: `s${index}`, scope: SCOPE, attributes: attributesOf(index) },
    startMs: 1_700_000_000_000,
    values: Float64Array.of(sumOf(index), ...countsOf(index)),
  };
}

/** The same for OpenTelemetry's own serializer: what the SDK would hand to it. */
export function resourceMetricsOf(series: number): ResourceMetrics {
  const dataPoints = Array.from({ length: series }, (_, index) => {
    const counts = countsOf(index);
    return {
      attributes: Object.fromEntries(attributesOf(index)),
      startTime: [1_700_000_000, 0] as [number, number],
      endTime: [1_700_000_060, 0] as [number, number],
      value: {
        buckets: { boundaries: [...BOUNDARIES], counts },
        count: counts.reduce((sum, count) => sum + count, 0),
        sum: sumOf(index),
      },
    };
  });
  return {
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    scopeMetrics: [
      {
        scope: SCOPE,
        metrics: [
          {
            descriptor: {
              name: 'http.server.request.duration',
              description: 'Duration of HTTP server requests.',
              unit: 's',
              valueType: ValueType.DOUBLE,
            },
            aggregationTemporality: AggregationTemporality.CUMULATIVE,
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints,
          },
        ],
      },
    ],
  };
}

/** The same in prom-client: the labels that the others write, scope included. */
export function registryOf(series: number): Registry {
  const registry = new Registry();
  const histogram = new Histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP server requests.',
    labelNames: Object.keys(escapedLabels(0)),
    buckets: [...BOUNDARIES],
    registers: [registry],
  });
  for (let index = 0; index < series; index += 1) {
    const labels = escapedLabels(index);
    // A few observations in several buckets; prom-client's time does not depend on how many.
    for (const [bucket, count] of countsOf(index).entries()) {
      if (count % 5 === 0) histogram.observe(labels, BOUNDARIES[bucket] ?? 100);
    }
  }
  return registry;
}

function escapedLabels(index: number): Record<string, string> {
  return Object.fromEntries([
    ...attributesOf(index).map(([key, value]) => [key.replaceAll('.', '_'), value]),
    ['otel_scope_name', SCOPE.name],
    ['otel_scope_version', SCOPE.version],
  ]);
}
