import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Attributes } from '../../src/model/series.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { Warnings } from '../helpers/warnings.js';
import {
  ACCEPT,
  exposition,
  familyOf,
  ownLines,
  renderBytes,
  renderText,
  seriesOf,
  snapshotOf,
} from './render.js';

const samples = (text: string): string[] => ownLines(text).filter((line) => !line.startsWith('#'));

describe('series with equal labels in the end', () => {
  const A: Attributes = [['a.b', 'x']];
  const B: Attributes = [['a_b', 'x']];

  test('counters and up-down counters add up, the last of two gauges stays', async () => {
    const snapshot = snapshotOf([
      familyOf('c', 'counter', [seriesOf(A, [1]), seriesOf(B, [2])]),
      familyOf('u', 'updowncounter', [seriesOf(A, [1]), seriesOf(B, [-3])]),
      familyOf('g', 'gauge', [seriesOf(A, [1]), seriesOf(B, [2])]),
    ]);
    assert.deepEqual(samples(await renderText(snapshot)), [
      'c_total{a_b="x"} 3',
      'u{a_b="x"} -2',
      'g{a_b="x"} 2',
    ]);
  });

  test('an empty label and no label are one series', async () => {
    const snapshot = snapshotOf([familyOf('c', 'counter', [seriesOf([], [1]), seriesOf([['k', '']], [2])])]);
    assert.deepEqual(samples(await renderText(snapshot)), ['c_total 3']);
  });

  test('scopes are added up when their labels are switched off', async () => {
    const one = seriesOf(A, [1], { scope: { name: 'lib', version: '1' } });
    const two = seriesOf(A, [2], { scope: { name: 'lib', version: '2' } });
    const snapshot = snapshotOf([familyOf('c', 'counter', [one, two])]);
    assert.equal(samples(await renderText(snapshot)).length, 2);
    const without = exposition({ scopeInfo: false });
    assert.deepEqual(samples(await renderText(snapshot, ACCEPT.text, without)), ['c_total{a_b="x"} 3']);
  });

  test('a value that is not a number hides no other one', async () => {
    const snapshot = snapshotOf([
      familyOf('g', 'gauge', [seriesOf(A, [1]), seriesOf(B, [NaN])]),
      familyOf('u', 'updowncounter', [seriesOf(A, [NaN]), seriesOf(B, [2])]),
      familyOf('h', 'histogram', [seriesOf(A, [NaN, 1, 1]), seriesOf(B, [3, 1, 1])], { boundaries: [1] }),
      familyOf('only', 'gauge', [seriesOf(A, [NaN])]),
    ]);
    assert.deepEqual(samples(await renderText(snapshot)), [
      'g{a_b="x"} 1',
      'u{a_b="x"} 2',
      'h_bucket{a_b="x",le="1"} 2',
      'h_bucket{a_b="x",le="+Inf"} 4',
      'h_sum{a_b="x"} 3',
      'h_count{a_b="x"} 4',
      'only{a_b="x"} NaN',
    ]);
  });

  test('the earlier start time stays', async () => {
    const snapshot = snapshotOf([
      familyOf('c', 'counter', [seriesOf(A, [1], { startMs: 9000 }), seriesOf(B, [2], { startMs: 4000 })]),
    ]);
    assert.deepEqual(samples(await renderText(snapshot, ACCEPT.openmetrics)), [
      'c_total{a_b="x"} 3',
      'c_created{a_b="x"} 4',
    ]);
  });

  test('histograms add up, on the boundaries that all of their metric share', async () => {
    const snapshot = snapshotOf([
      familyOf('h', 'histogram', [seriesOf(A, [1, 1, 1, 1, 1]), seriesOf([], [1, 1, 2, 4, 8])], {
        boundaries: [1, 2, 3],
      }),
      familyOf('h', 'histogram', [seriesOf(B, [2, 10, 10, 10])], { boundaries: [2, 3] }),
    ]);
    assert.deepEqual(samples(await renderText(snapshot)), [
      'h_bucket{a_b="x",le="2"} 12',
      'h_bucket{a_b="x",le="3"} 23',
      'h_bucket{a_b="x",le="+Inf"} 34',
      'h_sum{a_b="x"} 3',
      'h_count{a_b="x"} 34',
      'h_bucket{le="2"} 3',
      'h_bucket{le="3"} 7',
      'h_bucket{le="+Inf"} 15',
      'h_sum 1',
      'h_count 15',
    ]);
  });

  test('explicit and exponential ones meet on the explicit boundaries', async () => {
    // Exponential, scale 0: 4 in (1, 2], 8 in (2, 4].
    const snapshot = snapshotOf([
      familyOf('h', 'histogram', [seriesOf(A, [1, 1, 1, 1])], { boundaries: [2, 4] }),
      familyOf('h', 'exponentialhistogram', [seriesOf(B, [0, 0, 0, 30, 0, 2, 0, 4, 8])]),
    ]);
    assert.deepEqual(samples(await renderText(snapshot)), [
      'h_bucket{a_b="x",le="2"} 5',
      'h_bucket{a_b="x",le="4"} 14',
      'h_bucket{a_b="x",le="+Inf"} 15',
      'h_sum{a_b="x"} 31',
      'h_count{a_b="x"} 15',
    ]);
  });
});

describe('what is kept between scrapes', () => {
  const series = seriesOf([['k', 'v']], [1]);
  const versioned = (version: string): Snapshot =>
    snapshotOf(
      [familyOf('c', 'counter', [series])],
      [
        ['service.name', 'shop'],
        ['service.version', version],
      ],
    );

  test('rendering again with other values shows them, for every format and escaping', async () => {
    const by = exposition({ translationStrategy: 'NoTranslation' });
    const family = familyOf('a.b', 'counter', [series]);
    await Promise.all(Object.values(ACCEPT).map((accept) => renderBytes(snapshotOf([family]), accept, by)));
    const next = snapshotOf([{ ...family, series: [{ ...series, values: [2] }] }]);
    assert.deepEqual(samples(await renderText(next, ACCEPT.text, by)), ['a_b{k="v"} 2']);
    assert.deepEqual(samples(await renderText(next, ACCEPT.utf8, by)), ['{"a.b",k="v"} 2']);
    assert.deepEqual(samples(await renderText(next, ACCEPT.openmetrics, by)), ['a_b{k="v"} 2']);
  });

  test('resource labels follow the resource', async () => {
    const by = exposition({ resourceLabels: (key) => key === 'service.version', targetInfo: false });
    assert.deepEqual(samples(await renderText(versioned('1'), ACCEPT.text, by)), [
      'c_total{k="v",service_version="1"} 1',
    ]);
    assert.deepEqual(samples(await renderText(versioned('2'), ACCEPT.text, by)), [
      'c_total{k="v",service_version="2"} 1',
    ]);
  });

  test('the labels of a series are made once for all formats with the same names', async () => {
    let made = 0;
    const one = seriesOf([['k', 'v']], [1]);
    const family = familyOf('c', 'counter', [
      {
        ...one,
        series: {
          ...one.series,
          get attributes() {
            made += 1;
            return one.series.attributes;
          },
        },
      },
    ]);
    const by = exposition();
    await renderText(snapshotOf([family]), ACCEPT.text, by);
    const first = made;
    assert.ok(first > 0);
    await renderText(snapshotOf([family]), ACCEPT.text, by);
    await renderText(snapshotOf([family]), ACCEPT.openmetrics, by);
    assert.equal(made, first);
  });

  test('a conflict is reported once', async () => {
    const { warn, messages, codes } = new Warnings();
    const by = exposition({ warn });
    const snapshot = snapshotOf([
      familyOf('a', 'gauge', [series]),
      familyOf('a', 'histogram', [seriesOf([], [1, 1])], { boundaries: [] }),
    ]);
    for (const accept of Object.values(ACCEPT)) await renderText(snapshot, accept, by);
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? '', /^Metric "a" is not exposed: .*Rename it\.$/);
    assert.deepEqual(codes, ['ORCHESTRATOR_METRIC_NOT_EXPOSED']);
  });

  test('of descriptions is reported once, and all points are exposed under the older one', async () => {
    const { warn, codes } = new Warnings();
    const by = exposition({ warn });
    const snapshot = snapshotOf([
      familyOf('a', 'gauge', [series], { help: 'old' }),
      familyOf('a', 'gauge', [seriesOf([['b', 'c']], [1])], { help: 'new', unit: '' }),
    ]);
    for (const accept of Object.values(ACCEPT)) await renderText(snapshot, accept, by);
    assert.deepEqual(codes, ['ORCHESTRATOR_DESCRIPTIONS_DIFFER']);
  });

  test('that cannot be written breaks the scrape off, and is reported once', async () => {
    const { warn, codes } = new Warnings();
    const by = exposition({ warn });
    const broken = {
      length: 1,
      get 0(): number {
        throw new RangeError('no such value');
      },
    };
    const snapshot = snapshotOf([familyOf('a', 'gauge', [{ ...series, values: broken }])]);
    for (let scrape = 0; scrape < 2; scrape += 1)
      await assert.rejects(renderText(snapshot, ACCEPT.text, by), /no such value/);
    assert.deepEqual(codes, ['ORCHESTRATOR_SCRAPE_BROKEN']);
  });
});

describe('large scrapes', () => {
  const many = Array.from({ length: 20_000 }, (_, index) =>
    seriesOf([['i', `${index}`.padStart(60, 'x')]], [index]),
  );
  const snapshot = snapshotOf([familyOf('c', 'counter', many)]);

  for (const [name, accept] of Object.entries(ACCEPT)) {
    test(`${name}: others have their turn between two pieces`, async () => {
      let turns = 0;
      let pieces = 0;
      let running = true;
      const turn = (): void => {
        turns += 1;
        if (running) setImmediate(turn);
      };
      setImmediate(turn);
      for await (const piece of exposition().render(snapshot, accept).body) {
        pieces += 1;
        assert.ok(piece.length <= 65_536);
      }
      running = false;
      assert.ok(pieces > 10, `${pieces} pieces`);
      assert.ok(turns >= 20, `${turns} turns`);
    });
  }

  test('who stops reading stops the rendering', async () => {
    let rendered = 0;
    const counting = many.map(({ series, startMs }) => ({
      series,
      startMs,
      values: {
        length: 1,
        get 0() {
          rendered += 1;
          return 1;
        },
      },
    }));
    const counted = snapshotOf([familyOf('c', 'counter', counting)]);
    for await (const piece of exposition().render(counted, ACCEPT.text).body) {
      assert.ok(piece.length > 0);
      break;
    }
    assert.ok(rendered > 0 && rendered < many.length / 2, `${rendered}`);
  });

  test('all of it arrives', async () => {
    const text = await renderText(snapshot);
    assert.equal(samples(text).length, many.length);
    assert.equal(new Set(samples(text)).size, many.length);
  });

  test('a series larger than a piece arrives whole', async () => {
    const value = 'é"'.repeat(100_000);
    const text = await renderText(
      snapshotOf([familyOf('g', 'gauge', [seriesOf([['k', value]], [1])], { help: value })]),
    );
    assert.equal(samples(text)[0], `g{k="${value.replaceAll('"', '\\"')}"} 1`);
  });
});
