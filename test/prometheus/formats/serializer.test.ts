import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Attributes as OtelAttributes } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import {
  DataPointType,
  type MetricData,
  type MeterProvider,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import * as fc from 'fast-check';

import { metricName } from '../../../src/prometheus/naming/names.js';
import { makeSeries } from '../../../src/model/series.js';
import { normalizeAttributes, normalizeScope } from '../../../src/reader/normalize.js';
import type { FamilyType } from '../../../src/model/family.js';
import type { Snapshot, SnapshotFamily } from '../../../src/model/snapshot.js';
import { Exposition as StrictExposition } from '../../helpers/exposition.js';
import { sampleKey } from '../model.js';
import { familyOf, renderText } from '../render.js';
import { collect } from '../sdk.js';

/**
 * OpenTelemetry's own serializer is right about one scope, names without collisions and explicit histograms: there our
 * text must say the same, once the unit is in the name. (It knows no unit suffixes, repeats TYPE for every scope, and writes
 * a label twice when keys collide.)
 */
test('our text says what PrometheusSerializer says about what the SDK measured', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(instrument, { minLength: 1, maxLength: 6 }), async (instruments) => {
      const metrics = await collect((provider) => record(provider, instruments));
      const ours = readFamilies(await renderText(snapshotOf(metrics)));
      ours.delete('orchestrator_instances');
      assert.deepEqual(ours, theirFamilies(metrics));
    }),
    { seed: 20_261, numRuns: 150 },
  );
});

interface Instrument {
  readonly kind: 'counter' | 'updown' | 'gauge' | 'histogram' | 'observable';
  readonly unit: string;
  readonly description: string;
  readonly boundaries: readonly number[];
  readonly records: ReadonlyArray<{ readonly attributes: OtelAttributes; readonly value: number }>;
}

const anyText = fc.oneof(
  fc.constantFrom('x', 'a"b', '\\', '\n', 'é😀'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
);
// Never empty: upstream writes `{a=""}` and `{}` as two lines, which are one series twice.
const attributeValue = fc.oneof(
  anyText,
  fc.integer(),
  fc.boolean(),
  fc.array(fc.constantFrom('a', 'b"'), { maxLength: 2 }),
);

const instrument: fc.Arbitrary<Instrument> = fc.record({
  kind: fc.constantFrom('counter', 'updown', 'gauge', 'histogram', 'observable'),
  unit: fc.constantFrom('', 's', 'By', '1', '{request}', 'm/s'),
  description: anyText,
  boundaries: fc.constantFrom([], [1], [0.005, 0.5, 5, 50], [0, 1, 1e6]),
  records: fc.array(
    fc.record({
      attributes: fc.dictionary(fc.constantFrom('http.method', 'route', 'n'), attributeValue),
      value: fc.oneof(fc.nat(1000), fc.double({ min: 0, max: 1e9, noNaN: true })),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

function record(provider: MeterProvider, instruments: readonly Instrument[]): void {
  const meter = provider.getMeter('library', '1.2.3');
  for (const [index, { kind, unit, description, boundaries, records }] of instruments.entries()) {
    // Names that never end with a unit or meet.
    const name = `metric.n${index}.value`;
    const options = { unit, description };
    if (kind === 'counter')
      for (const { value, attributes } of records) meter.createCounter(name, options).add(value, attributes);
    if (kind === 'updown')
      for (const { value, attributes } of records)
        meter.createUpDownCounter(name, options).add(-value, attributes);
    if (kind === 'gauge')
      for (const { value, attributes } of records)
        meter.createGauge(name, options).record(-value, attributes);
    if (kind === 'histogram') {
      const advice = { explicitBucketBoundaries: [...boundaries] };
      const histogram = meter.createHistogram(name, { ...options, advice });
      for (const { value, attributes } of records) histogram.record(value, attributes);
    }
    if (kind === 'observable') {
      meter.createObservableCounter(name, options).addCallback((result) => {
        for (const { value, attributes } of records) result.observe(value, attributes);
      });
    }
  }
}

function snapshotOf({ resource, scopeMetrics }: ResourceMetrics): Snapshot {
  const families: SnapshotFamily[] = [];
  for (const { scope, metrics } of scopeMetrics) {
    for (const metric of metrics) {
      const series = metric.dataPoints.map(({ attributes, value }) => ({
        series: makeSeries(normalizeScope(scope), normalizeAttributes(attributes)),
        startMs: 0,
        values:
          typeof value === 'number'
            ? [value]
            : [value.sum ?? 0, ...('buckets' in value ? value.buckets.counts : [])],
      }));
      const { name, unit, description: help } = metric.descriptor;
      const boundaries = boundariesOf(metric);
      families.push(
        familyOf(name, typeOf(metric), series, { unit, help, ...(boundaries && { boundaries }) }),
      );
    }
  }
  return { resource: normalizeAttributes(resource.attributes), instances: 1, families };
}

function typeOf(metric: MetricData): FamilyType {
  if (metric.dataPointType === DataPointType.HISTOGRAM) return 'histogram';
  if (metric.dataPointType === DataPointType.GAUGE) return 'gauge';
  return metric.dataPointType === DataPointType.SUM && metric.isMonotonic ? 'counter' : 'updowncounter';
}

function boundariesOf(metric: MetricData): readonly number[] | undefined {
  return metric.dataPointType === DataPointType.HISTOGRAM
    ? (metric.dataPoints[0]?.value.buckets.boundaries ?? [])
    : undefined;
}

/** A metric as both say it: type, description, and the value of every line. */
interface ReadFamily {
  readonly type: string;
  readonly help: string | undefined;
  readonly samples: ReadonlyMap<string, number>;
}

/** The upstream text, without `# UNIT`, which 0.0.4 does not know, and with the unit in the names. */
function theirFamilies(metrics: ResourceMetrics): Map<string, ReadFamily> {
  const renamed = new Map<string, string>();
  for (const metric of metrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
    const { name, unit } = metric.descriptor;
    const type = typeOf(metric);
    const total = type === 'counter' ? '_total' : '';
    renamed.set(
      `${name.replaceAll('.', '_')}${total}`,
      metricName({ name, unit, type }, DEFAULT_NAMING)?.name ?? '',
    );
  }
  const lines = new PrometheusSerializer().serialize(metrics).split('\n');
  const known = lines.filter((line) => !line.startsWith('# UNIT') && line !== '# no registered metrics');
  return readFamilies(`${known.join('\n').trimEnd()}\n`, (name) => renamed.get(name) ?? name);
}

const DEFAULT_NAMING = { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' } as const;

function readFamilies(
  exposition: string,
  rename: (name: string) => string = (name) => name,
): Map<string, ReadFamily> {
  const read = new Map<string, ReadFamily>();
  for (const { name, type, help, samples } of new StrictExposition(exposition).families.values()) {
    const values = new Map<string, number>();
    for (const sample of samples) {
      const suffix = sample.name.slice(name.length);
      values.set(sampleKey(`${rename(name)}${suffix}`, sample.labels), sample.value + 0);
    }
    read.set(rename(name), { type, help, samples: values });
  }
  return read;
}
