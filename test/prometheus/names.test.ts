import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { isLegacyName } from '../../src/prometheus/escaping.js';
import { type Naming, type NamedFamily, labelName, metricName } from '../../src/prometheus/names.js';

const DEFAULT: Naming = { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' };

interface Case {
  readonly rule: string;
  readonly family: NamedFamily;
  readonly name: string;
  /** What `# UNIT` says. */
  readonly unit?: string;
}

const gauge = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'gauge' });
const counter = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'counter' });
const histogram = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'histogram' });
const upDown = (name: string, unit = ''): NamedFamily => ({ name, unit, type: 'updowncounter' });

const CASES: readonly Case[] = [
  { rule: 'discouraged characters become _', family: gauge('a.b-c/d e'), name: 'a_b_c_d_e' },
  { rule: 'repeats collapse', family: gauge('a..b__c.-d'), name: 'a_b_c_d' },
  { rule: 'a colon is legal', family: gauge('job:rate'), name: 'job:rate' },
  { rule: 'a leading digit gets _', family: gauge('2xx.count'), name: '_2xx_count' },
  { rule: 'case is kept', family: gauge('HeapUsed'), name: 'HeapUsed' },
  {
    rule: 'a unit is added',
    family: histogram('http.server.request.duration', 's'),
    name: 'http_server_request_duration_seconds',
    unit: 'seconds',
  },
  {
    rule: 'unless the name ends with it',
    family: gauge('uptime.seconds', 's'),
    name: 'uptime_seconds',
    unit: 'seconds',
  },
  {
    rule: 'it must END with it',
    family: gauge('seconds_before_my_birthday', 's'),
    name: 'seconds_before_my_birthday_seconds',
    unit: 'seconds',
  },
  { rule: 'as a word of its own', family: gauge('kilobytes', 'By'), name: 'kilobytes_bytes', unit: 'bytes' },
  { rule: 'the name may be the unit', family: gauge('bytes', 'By'), name: 'bytes', unit: '' },
  {
    rule: 'before the type suffix',
    family: counter('foo.bar', 'By'),
    name: 'foo_bar_bytes_total',
    unit: 'bytes',
  },
  {
    rule: 'also if the type suffix was there',
    family: counter('foo_total', 'By'),
    name: 'foo_bytes_total',
    unit: 'bytes',
  },
  {
    rule: 'also if both were there',
    family: counter('foo_bytes_total', 'By'),
    name: 'foo_bytes_total',
    unit: 'bytes',
  },
  { rule: 'monotonic sums get _total', family: counter('requests'), name: 'requests_total' },
  { rule: 'once', family: counter('requests.total'), name: 'requests_total' },
  {
    rule: 'no double _ where parts meet',
    family: counter('requests.', 'By'),
    name: 'requests_bytes_total',
    unit: 'bytes',
  },
  { rule: 'nothing else gets _total', family: upDown('queue.size'), name: 'queue_size' },
  { rule: 'annotations are dropped', family: upDown('queue.size', '{message}'), name: 'queue_size' },
  {
    rule: 'rates become words',
    family: gauge('disk.io', 'By/s'),
    name: 'disk_io_bytes_per_second',
    unit: 'bytes_per_second',
  },
  {
    rule: '1 is a ratio on gauges',
    family: gauge('cpu.utilization', '1'),
    name: 'cpu_utilization_ratio',
    unit: 'ratio',
  },
  { rule: '1 is nothing on counters', family: counter('errors', '1'), name: 'errors_total' },
  { rule: '1 is nothing on up-down counters', family: upDown('threads', '1'), name: 'threads' },
  { rule: '1 is nothing on histograms', family: histogram('share', '1'), name: 'share' },
  { rule: 'percent', family: gauge('battery', '%'), name: 'battery_percent', unit: 'percent' },
];

describe('metricName: "Prometheus and OpenMetrics compatibility", metric metadata', () => {
  for (const { rule, family, name, unit = '' } of CASES) {
    test(rule, () => assert.deepEqual(metricName(family, DEFAULT), { name, unit }));
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
