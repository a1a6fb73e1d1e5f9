import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { isLegacyName } from '../../../src/prometheus/naming/escaping.js';
import {
  type Naming,
  type NamedFamily,
  labelName,
  metricName,
} from '../../../src/prometheus/naming/names.js';

const DEFAULT: Naming = { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' };

/** A sentence, and what follows from it. */
interface Rule {
  readonly sentence: string;
  /** `unit` is what `# UNIT` says; default none. */
  readonly cases: ReadonlyArray<{
    readonly family: NamedFamily;
    readonly name: string;
    readonly unit?: string;
  }>;
}

const gauge = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'gauge' });
const counter = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'counter' });
const histogram = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'histogram' });
const upDown = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'updowncounter' });

/** OpenTelemetry 1.60, "Prometheus and OpenMetrics Compatibility", "OTLP Metric points to Prometheus"; others by name. */
const RULES: readonly Rule[] = [
  {
    sentence: 'Discouraged characters in the metric name SHOULD be replaced with the `_` character',
    cases: [
      { family: gauge('a.b-c/d e'), name: 'a_b_c_d_e' },
      { family: gauge('job:rate'), name: 'job:rate' },
      { family: gauge('HeapUsed'), name: 'HeapUsed' },
    ],
  },
  {
    sentence: '… to match the regular expression `[a-zA-Z_:]([a-zA-Z0-9_:])*`',
    cases: [{ family: gauge('2xx.count'), name: '_2xx_count' }],
  },
  {
    sentence: 'Multiple consecutive `_` characters SHOULD be replaced with a single `_` character',
    cases: [
      { family: gauge('a..b__c.-d'), name: 'a_b_c_d' },
      // Where the parts meet, too.
      { family: counter('requests.', 'By'), name: 'requests_bytes_total', unit: 'bytes' },
    ],
  },
  {
    sentence: 'A suffix to the metric name SHOULD be added unless the metric name already ends with the unit',
    cases: [
      {
        family: histogram('http.server.request.duration', 's'),
        name: 'http_server_request_duration_seconds',
        unit: 'seconds',
      },
      { family: gauge('uptime.seconds', 's'), name: 'uptime_seconds', unit: 'seconds' },
      // It must END with it.
      {
        family: gauge('seconds_before_my_birthday', 's'),
        name: 'seconds_before_my_birthday_seconds',
        unit: 'seconds',
      },
      // As a word of its own: kilobytes are not bytes.
      { family: gauge('kilobytes', 'By'), name: 'kilobytes_bytes', unit: 'bytes' },
      { family: gauge('bytes', 'By'), name: 'bytes' },
    ],
  },
  {
    sentence: 'The unit suffix comes before any type-specific suffixes',
    cases: [
      { family: counter('foo.bar', 'By'), name: 'foo_bar_bytes_total', unit: 'bytes' },
      { family: counter('foo_total', 'By'), name: 'foo_bytes_total', unit: 'bytes' },
      { family: counter('foo_bytes_total', 'By'), name: 'foo_bytes_total', unit: 'bytes' },
    ],
  },
  {
    sentence:
      'If the metric name for monotonic Sum metric points does not end in a suffix of `_total` a suffix of `_total` SHOULD be added by default',
    cases: [
      { family: counter('requests'), name: 'requests_total' },
      { family: counter('requests.total'), name: 'requests_total' },
      { family: upDown('queue.size'), name: 'queue_size' },
    ],
  },
  {
    sentence: 'Portions of the Unit within brackets (e.g. {packet}) MUST be dropped',
    cases: [{ family: upDown('queue.size', '{message}'), name: 'queue_size' }],
  },
  {
    sentence: 'Units defined as rates over time (e.g. "m/s") MUST be converted to words',
    cases: [
      { family: gauge('disk.io', 'By/s'), name: 'disk_io_bytes_per_second', unit: 'bytes_per_second' },
      { family: gauge('speed', 'm/s'), name: 'speed_meters_per_second', unit: 'meters_per_second' },
    ],
  },
  {
    sentence:
      'The Unit MUST be converted to the equivalent unit word if it is included in the table (units.test.ts)',
    cases: [{ family: gauge('battery', '%'), name: 'battery_percent', unit: 'percent' }],
  },
  {
    sentence:
      'Not in the specification: like the Collector and Prometheus’ OTLP receiver, `1` is a ratio on gauges only',
    cases: [
      { family: gauge('cpu.utilization', '1'), name: 'cpu_utilization_ratio', unit: 'ratio' },
      { family: counter('errors', '1'), name: 'errors_total' },
      { family: upDown('threads', '1'), name: 'threads' },
      { family: histogram('share', '1'), name: 'share' },
    ],
  },
];

describe('metricName', () => {
  for (const { sentence, cases } of RULES) {
    test(sentence, () => {
      for (const { family, name, unit = '' } of cases)
        assert.deepEqual(metricName(family, DEFAULT), { name, unit }, family.name);
    });
  }

  test('a name without letter and digit is refused', () => {
    for (const name of ['', '_', '...', '日本'])
      assert.equal(metricName(gauge(name, 's'), DEFAULT), undefined);
  });

  test('every name is legal, whatever went in', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary', maxLength: 5 }),
        fc.constantFrom('gauge' as const, 'counter' as const),
        (name, unit, type) => {
          const made = metricName({ name, unit, type }, DEFAULT);
          return made === undefined || isLegacyName(made.name, 'metric');
        },
      ),
    );
  });
});

describe('metricName: translation_strategy, then the negotiated escaping', () => {
  // The specification's own example: `foo.bar`, unit By, a monotonic sum.
  const table: ReadonlyArray<readonly [Naming['strategy'], Naming['escaping'], string]> = [
    ['UnderscoreEscapingWithSuffixes', 'underscores', 'foo_bar_bytes_total'],
    ['UnderscoreEscapingWithSuffixes', 'allow-utf-8', 'foo_bar_bytes_total'],
    ['UnderscoreEscapingWithSuffixes', 'dots', 'foo__bar__bytes__total'],
    ['UnderscoreEscapingWithSuffixes', 'values', 'foo_bar_bytes_total'],
    ['UnderscoreEscapingWithoutSuffixes', 'underscores', 'foo_bar'],
    ['UnderscoreEscapingWithoutSuffixes', 'allow-utf-8', 'foo_bar'],
    ['NoUTF8EscapingWithSuffixes', 'underscores', 'foo_bar_bytes_total'],
    ['NoUTF8EscapingWithSuffixes', 'allow-utf-8', 'foo.bar_bytes_total'],
    ['NoUTF8EscapingWithSuffixes', 'dots', 'foo_dot_bar__bytes__total'],
    ['NoUTF8EscapingWithSuffixes', 'values', 'U__foo_2e_bar__bytes__total'],
    ['NoTranslation', 'underscores', 'foo_bar'],
    ['NoTranslation', 'allow-utf-8', 'foo.bar'],
  ];
  for (const [strategy, escaping, name] of table) {
    test(`${strategy}, ${escaping}`, () => {
      assert.equal(metricName(counter('foo.bar', 'By'), { strategy, escaping })?.name, name);
    });
  }
});

describe('labelName', () => {
  const cases: ReadonlyArray<readonly [key: string, name: string]> = [
    ['http.request.method', 'http_request_method'],
    ['a..b', 'a_b'],
    ['9lives', '_9lives'],
    ['a:b', 'a_b'],
    ['', '_'],
    ['ключ', '_'],
    ['__name__', '_name_'],
  ];
  for (const [key, name] of cases) {
    test(`${JSON.stringify(key)} is ${name}`, () => assert.equal(labelName(key, DEFAULT), name));
  }

  test('utf-8 keys stay when both sides want them, and reserved names never appear', () => {
    const naming: Naming = { strategy: 'NoTranslation', escaping: 'allow-utf-8' };
    assert.equal(labelName('http.route', naming), 'http.route');
    assert.equal(labelName('ключ', naming), 'ключ');
    assert.equal(labelName('__name__', naming), '_name__');
    assert.equal(labelName('..name..', { strategy: 'NoTranslation', escaping: 'underscores' }), '_name__');
  });
});
