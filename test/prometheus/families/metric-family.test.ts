import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type Dialect, groupFamilies } from '../../../src/prometheus/families/metric-family.js';
import { metricName } from '../../../src/prometheus/naming/names.js';
import type { Attributes } from '../../../src/model/series.js';
import type { FamilyType } from '../../../src/model/family.js';
import type { SnapshotFamily } from '../../../src/model/snapshot.js';

function family(name: string, type: FamilyType, unit = '', help = 'h'): SnapshotFamily {
  const series = { id: name, scope: { name: '' }, attributes: [] };
  return {
    family: { key: `${name}~${type}~${unit}~${help}`, name, type, unit, help },
    series: [{ series, startMs: 0, values: [1] }],
  };
}

/** The metrics without our own, as `name type`, and what was reported. */
function group(
  families: readonly SnapshotFamily[],
  dialect: Dialect = 'prometheus',
  resource: Attributes = [],
): { metrics: string[]; help: string[]; reports: Map<string, string> } {
  const reports = new Map<string, string>();
  const metrics = groupFamilies(
    { resource, instances: 1, families },
    {
      dialect,
      targetInfo: true,
      nameOf: (named) =>
        metricName(named, { strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' }),
      report: (key, message) => reports.set(key, message),
    },
  ).filter(({ name }) => name !== 'orchestrator_instances');
  return {
    metrics: metrics.map(({ name, type }) => `${name} ${type}`),
    help: metrics.map(({ help }) => help),
    reports,
  };
}

describe('one metric for each name', () => {
  test('names and units that become the same share it', () => {
    const { metrics, reports } = group([
      family('a.b', 'counter', 's'),
      family('c', 'gauge'),
      family('a_b_seconds', 'counter'),
      family('a-b', 'counter', 's'),
    ]);
    assert.deepEqual(metrics, ['a_b_seconds_total counter', 'c gauge']);
    assert.equal(reports.size, 0);
  });

  test('a gauge and an up-down counter are both gauges; both kinds of histogram are histograms', () => {
    const { metrics } = group([
      family('a', 'gauge'),
      family('a', 'updowncounter'),
      family('h', 'histogram'),
      family('h', 'exponentialhistogram'),
    ]);
    assert.deepEqual(metrics, ['a gauge', 'h histogram']);
  });

  test('"MUST drop entire metrics to prevent conflicting TYPE comments": the later one, and it is reported', () => {
    const { metrics, reports } = group([family('a.b', 'gauge'), family('a_b', 'histogram')]);
    assert.deepEqual(metrics, ['a_b gauge']);
    const [message = ''] = reports.values();
    assert.match(message, /"a_b".*histogram.*a_b.*gauge/);
  });

  test('"all but one of the conflicting UNIT and HELP comments SHOULD be dropped": the older stays, and it is reported', () => {
    const { metrics, help, reports } = group([
      family('a', 'gauge', '', 'first'),
      family('a', 'gauge', '', 'second'),
    ]);
    assert.deepEqual([metrics, help], [['a gauge'], ['first']]);
    assert.equal(reports.size, 1);
  });

  test('no description yields to any, silently', () => {
    const { help, reports } = group([family('a', 'gauge', '', ''), family('a', 'gauge', '', 'second')]);
    assert.deepEqual(help, ['second']);
    assert.equal(reports.size, 0);
  });

  test('a family without series is not there, and claims nothing', () => {
    const { metrics } = group([{ ...family('a', 'counter'), series: [] }, family('a_total', 'gauge')]);
    assert.deepEqual(metrics, ['a_total gauge']);
  });

  test('a name that cannot be made is reported', () => {
    const { metrics, reports } = group([family('日本', 'gauge')]);
    assert.deepEqual(metrics, []);
    assert.equal(reports.size, 1);
  });
});

describe('names that meet after suffixing', () => {
  const cases: ReadonlyArray<{
    readonly what: string;
    readonly families: readonly SnapshotFamily[];
    readonly text: readonly string[];
    readonly openmetrics: readonly string[];
  }> = [
    {
      what: 'a histogram and its own samples',
      families: [
        family('h', 'histogram'),
        family('h_count', 'gauge'),
        family('h.bucket', 'gauge'),
        family('h_sum', 'updowncounter'),
      ],
      text: ['h histogram'],
      openmetrics: ['h histogram'],
    },
    {
      what: 'the gauge came first',
      families: [family('h_count', 'gauge'), family('h', 'histogram')],
      text: ['h_count gauge'],
      openmetrics: ['h_count gauge'],
    },
    {
      what: 'a counter and the gauge of its base: OpenMetrics gives up the type, not the samples',
      families: [family('a', 'counter'), family('a', 'gauge')],
      text: ['a_total counter', 'a gauge'],
      openmetrics: ['a_total unknown', 'a gauge'],
    },
    {
      what: 'a counter and a histogram of its base',
      families: [family('a', 'histogram'), family('a', 'counter')],
      text: ['a histogram', 'a_total counter'],
      openmetrics: ['a histogram', 'a_total unknown'],
    },
    {
      what: '_created exists in OpenMetrics only',
      families: [
        family('a', 'counter'),
        family('a_created', 'gauge'),
        family('h_created', 'gauge'),
        family('h', 'histogram'),
      ],
      text: ['a_total counter', 'a_created gauge', 'h_created gauge', 'h histogram'],
      openmetrics: ['a_total unknown', 'a_created gauge', 'h_created gauge'],
    },
    {
      what: 'a gauge that ends like a counter',
      families: [family('a_total', 'gauge'), family('a', 'counter')],
      text: ['a_total gauge'],
      openmetrics: ['a_total gauge'],
    },
    {
      what: 'a counter whose base is empty',
      families: [family('total', 'counter'), family('_total', 'counter')],
      text: ['total_total counter', '_total counter'],
      openmetrics: ['total_total counter', '_total unknown'],
    },
  ];
  for (const { what, families, text, openmetrics } of cases) {
    test(what, () => {
      assert.deepEqual(group(families).metrics, text);
      assert.deepEqual(group(families, 'openmetrics').metrics, openmetrics);
    });
  }

  test('target_info and orchestrator_instances are ours', () => {
    const families = [
      family('target_info', 'gauge'),
      family('orchestrator.instances', 'counter'),
      family('target', 'gauge'),
    ];
    const resource: Attributes = [['service.name', 'x']];
    assert.deepEqual(group(families, 'prometheus', resource).metrics, [
      'target_info info',
      'orchestrator_instances_total counter',
      'target gauge',
    ]);
    // The info family `target` would meet the gauge.
    assert.deepEqual(group(families, 'openmetrics', resource).metrics, [
      'target_info gauge',
      'orchestrator_instances_total unknown',
      'target gauge',
    ]);
  });

  test('"if the resource is not empty" there is a target_info', () => {
    assert.deepEqual(group([]).metrics, []);
    assert.deepEqual(group([], 'openmetrics', [['a', '']]).metrics, []);
  });
});
