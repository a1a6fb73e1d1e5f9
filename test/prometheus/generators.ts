import * as fc from 'fast-check';

import { normalizeAttributes, normalizeScope } from '../../src/reader/normalize.js';
import { packExponential } from '../../src/model/exponential-histogram.js';
import type { Attributes, Scope } from '../../src/model/series.js';
import type { Snapshot, SnapshotFamily, SnapshotSeries } from '../../src/model/snapshot.js';
import { familyOf } from './render.js';

/** Any UTF-8; full-width strings, control characters and NUL come with it. */
const anyText = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength });

const KEYS = [
  'a',
  'b',
  'a.b',
  'a_b',
  'le',
  'exported_le',
  'quantile',
  '__name__',
  'otel.scope.name',
  'otel_scope_version',
];
const VALUES = [
  '',
  'x',
  'y',
  'a"b',
  '\\',
  '\\n',
  '\n',
  '\r\n',
  '\u0000',
  '\u2028',
  '\ufeff',
  '{',
  '}',
  ',',
  '# EOF',
  ' ',
  '"} 1',
];
const NAMES = [
  'foo',
  'foo.bar',
  'foo_bar',
  'foo_total',
  'foo_count',
  'foo_bucket',
  'foo_sum',
  'foo_created',
  'foo_info',
  'foo_seconds',
  'target',
  'target_info',
  'orchestrator_instances',
  '9lives',
];
const UNITS = ['', 's', 'ms', 'By', '1', '%', '{thing}', 'm/s', '{x}/s'];

const key = fc
  .oneof(fc.constantFrom(...KEYS), anyText(5))
  .filter((text) => text !== 'job' && text !== 'instance');
const value = fc.oneof(fc.constantFrom(...VALUES), anyText(8));
/** Half of all attribute sets are few and alike, so that series collide. */
const attributes: fc.Arbitrary<Attributes> = fc
  .oneof(
    fc.dictionary(fc.constantFrom('a', 'b', 'a.b', 'a_b'), fc.constantFrom('x', 'y', ''), { maxKeys: 2 }),
    fc.dictionary(key, value, { maxKeys: 4 }),
  )
  .map((pairs) => normalizeAttributes(pairs));
const scope: fc.Arbitrary<Scope> = fc.oneof(
  fc.constant({ name: 'lib' }),
  fc
    .record({
      name: fc.constantFrom('', 'lib', 'other "lib"'),
      version: fc.constantFrom(undefined, '', '1.0'),
      schemaUrl: fc.constantFrom(undefined, 'https://example.test/1'),
      attributes: fc.option(fc.dictionary(fc.constantFrom('name', 'build', 'a.b'), value, { maxKeys: 2 }), {
        nil: undefined,
      }),
    })
    .map(normalizeScope),
);

const count = fc.oneof(fc.nat(5), fc.nat(1_000_000), fc.nat(2 ** 40));
const positive = fc.oneof(fc.nat(100), fc.double({ min: 0, noNaN: true }));
const signed = fc.oneof(fc.integer(), fc.double());

interface Body {
  readonly type: 'counter' | 'updowncounter' | 'gauge' | 'histogram' | 'exponentialhistogram';
  readonly boundaries?: readonly number[];
  readonly values: fc.Arbitrary<number[]>;
}

const anyBoundaries = fc
  .uniqueArray(
    fc.oneof(fc.integer({ min: -3, max: 8 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
    { maxLength: 5 },
  )
  .map((bounds) => bounds.map((bound) => bound + 0).toSorted((a, b) => a - b))
  .map((bounds) => bounds.filter((bound, index) => bound !== bounds[index - 1]));
/** The other half share some. */
const boundaries = fc.oneof(fc.subarray([-1, 0, 0.5, 1, 2, 5]), anyBoundaries);

const bucketRun = fc.record({
  offset: fc.oneof(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -900, max: 900 })),
  counts: fc.array(count, { maxLength: 8 }),
});

const body: fc.Arbitrary<Body> = fc.oneof(
  fc.constant<Body>({ type: 'counter', values: positive.map((one) => [one]) }),
  fc.constant<Body>({ type: 'gauge', values: signed.map((one) => [one]) }),
  fc.constant<Body>({ type: 'updowncounter', values: signed.map((one) => [one]) }),
  boundaries.map((bounds): Body => ({
    type: 'histogram',
    boundaries: bounds,
    values: fc
      .tuple(positive, fc.array(count, { minLength: bounds.length + 1, maxLength: bounds.length + 1 }))
      .map(([sum, counts]) => [sum, ...counts]),
  })),
  fc.constant<Body>({
    type: 'exponentialhistogram',
    values: fc
      .record({
        scale: fc.integer({ min: 0, max: 10 }),
        zeroThreshold: fc.constant(0),
        zeroCount: fc.nat(3),
        sum: positive,
        positive: bucketRun,
        negative: fc.oneof(fc.constant({ offset: 0, counts: [] }), bucketRun),
      })
      .map(packExponential),
  }),
);

const startMs = fc.oneof(fc.constant(0), fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }));

function series(values: fc.Arbitrary<number[]>): fc.Arbitrary<SnapshotSeries> {
  return fc.record({ scope, attributes, values, startMs }).map((parts) => ({
    series: {
      id: JSON.stringify([parts.scope, parts.attributes]),
      scope: parts.scope,
      attributes: parts.attributes,
    },
    startMs: parts.startMs,
    values: parts.values,
  }));
}

const family: fc.Arbitrary<SnapshotFamily> = body.chain(({ type, boundaries: bounds, values }) =>
  fc
    .record({
      name: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...NAMES) }, anyText(6)),
      unit: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...UNITS) }, anyText(3)),
      help: fc.oneof(value, anyText(20)),
      members: fc.uniqueArray(series(values), { maxLength: 5, selector: (one) => one.series.id }),
    })
    .map(({ name, unit, help, members }) =>
      familyOf(name, type, members, { unit, help, ...(bounds && { boundaries: bounds }) }),
    ),
);

/** What a store might ever hand over, and more. */
export const anySnapshot: fc.Arbitrary<Snapshot> = fc.record({
  resource: attributes,
  instances: fc.nat(100),
  families: fc.array(family, { maxLength: 8 }),
});
