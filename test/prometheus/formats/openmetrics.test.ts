import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { canonicalNumber } from '../../../src/prometheus/formats/openmetrics.js';
import type { Snapshot } from '../../../src/model/snapshot.js';
import {
  ACCEPT,
  exposition,
  familyOf,
  ownLines,
  renderBytes,
  renderText,
  seriesOf,
  snapshotOf,
} from '../render.js';

async function lines(snapshot: Snapshot): Promise<string[]> {
  return ownLines(await renderText(snapshot, ACCEPT.openmetrics));
}

describe('OpenMetrics', () => {
  test('the family of a counter has no _total, its samples have; info first; # EOF last', async () => {
    const family = familyOf('io', 'counter', [seriesOf([['k', 'v']], [3], { startMs: 1_700_000_000_123 })], {
      unit: 'By',
      help: 'a "b" \\',
    });
    const text = await renderText(snapshotOf([family], [['service.name', 'shop']]), ACCEPT.openmetrics);
    assert.deepEqual(ownLines(text), [
      '# TYPE target info',
      '# HELP target Target metadata',
      'target_info{service_name="shop"} 1',
      '# TYPE io_bytes counter',
      '# UNIT io_bytes bytes',
      '# HELP io_bytes a \\"b\\" \\\\',
      'io_bytes_total{k="v"} 3',
      'io_bytes_created{k="v"} 1700000000.123',
    ]);
    assert.ok(text.endsWith('\n# EOF\n'));
  });

  test('a histogram: canonical bounds, _count, _sum, _created', async () => {
    const series = [seriesOf([], [7.25, 1, 2, 0, 4], { startMs: 5000 })];
    const family = familyOf('d', 'histogram', series, { unit: 's', boundaries: [0.00001, 1, 1e6] });
    assert.deepEqual(await lines(snapshotOf([family])), [
      '# TYPE d_seconds histogram',
      '# UNIT d_seconds seconds',
      'd_seconds_bucket{le="1e-05"} 1',
      'd_seconds_bucket{le="1.0"} 3',
      'd_seconds_bucket{le="1e+06"} 3',
      'd_seconds_bucket{le="+Inf"} 7',
      'd_seconds_count 7',
      'd_seconds_sum 7.25',
      'd_seconds_created 5',
    ]);
  });

  test('"Negative threshold buckets MAY be used, but then [it] MUST NOT contain a sum": negative bounds are left out, sum and counts stay', async () => {
    const family = familyOf('t', 'histogram', [seriesOf([], [3, 1, 2, 4, 8])], { boundaries: [-5, 0, 5] });
    assert.deepEqual(await lines(snapshotOf([family])), [
      '# TYPE t histogram',
      't_bucket{le="0.0"} 3',
      't_bucket{le="5.0"} 7',
      't_bucket{le="+Inf"} 15',
      't_count 15',
      't_sum 3',
    ]);
  });

  test('"Sum, and buckets values are counters so MUST NOT be NaN or negative", "a Total is a non-NaN"', async () => {
    const snapshot = snapshotOf([
      familyOf('c', 'counter', [
        seriesOf([], [NaN]),
        seriesOf([['a', '1']], [-1]),
        seriesOf([['a', '2']], [1]),
      ]),
      familyOf('h', 'histogram', [seriesOf([], [NaN, 1, 2])], { boundaries: [1] }),
    ]);
    assert.deepEqual(await lines(snapshot), [
      '# TYPE c counter',
      'c_total{a="2"} 1',
      '# TYPE h histogram',
      'h_bucket{le="1.0"} 1',
      'h_bucket{le="+Inf"} 3',
    ]);
  });

  test('a counter without _total (WithoutSuffixes) or with a name that meets another is unknown', async () => {
    const snapshot = snapshotOf([
      familyOf('c', 'counter', [seriesOf([], [1], { startMs: 5 })]),
      familyOf('c', 'gauge', [seriesOf([], [2])]),
    ]);
    assert.deepEqual(await lines(snapshot), ['# TYPE c_total unknown', 'c_total 1', '# TYPE c gauge', 'c 2']);
  });
});

test('without created series the rest is the same, and protobuf keeps its field', async () => {
  const snapshot = snapshotOf([
    familyOf('c', 'counter', [seriesOf([], [1], { startMs: 5 })]),
    familyOf('h', 'histogram', [seriesOf([], [1, 1, 0], { startMs: 5 })], { boundaries: [1] }),
  ]);
  const by = exposition({ createdSeries: false });
  const withCreated = await lines(snapshot);
  assert.equal(withCreated.filter((line) => line.includes('_created')).length, 2);
  assert.deepEqual(
    ownLines(await renderText(snapshot, ACCEPT.openmetrics, by)),
    withCreated.filter((line) => !line.includes('_created')),
  );
  assert.deepEqual(
    await renderBytes(snapshot, ACCEPT.protobuf, by),
    await renderBytes(snapshot, ACCEPT.protobuf),
  );
});

test('canonical numbers', () => {
  const cases: ReadonlyArray<readonly [number, string]> = [
    [0, '0.0'],
    [-0, '0.0'],
    [1, '1.0'],
    [-1, '-1.0'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e-9, '1e-09'],
    [1e-10, '1e-10'],
    [1.5e-10, '1.5e-10'],
    [0.999, '0.999'],
    [1.7, '1.7'],
    [10, '10.0'],
    [100000, '100000.0'],
    [999999, '999999.0'],
    [1e6, '1e+06'],
    [1234567, '1.234567e+06'],
    [1e10, '1e+10'],
    [1e100, '1e+100'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ];
  for (const [value, text] of cases) assert.equal(canonicalNumber(value), text);
});
