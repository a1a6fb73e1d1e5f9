import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ACCEPT, exposition, familyOf, ownLines, renderText, seriesOf, snapshotOf } from '../render.js';

describe('text 0.0.4', () => {
  test('one HELP, one TYPE, then every line of the family', async () => {
    const snapshot = snapshotOf(
      [
        familyOf('requests', 'counter', [seriesOf([['route', '/a']], [3]), seriesOf([], [0.5])], {
          help: 'Requests.',
        }),
      ],
      [['service.name', 'shop']],
    );
    assert.equal(
      await renderText(snapshot),
      [
        '# HELP target_info Target metadata',
        '# TYPE target_info gauge',
        'target_info{service_name="shop"} 1',
        '# HELP orchestrator_instances Live instances of the project.',
        '# TYPE orchestrator_instances gauge',
        'orchestrator_instances 1',
        '# HELP requests_total Requests.',
        '# TYPE requests_total counter',
        'requests_total{route="/a"} 3',
        'requests_total 0.5',
        '',
      ].join('\n'),
    );
  });

  test('a histogram: cumulative buckets, +Inf equal to _count', async () => {
    const boundaries = [0.005, 1, 1000];
    const family = familyOf('d', 'histogram', [seriesOf([['k', 'v']], [7.25, 1, 2, 0, 4])], {
      unit: 's',
      boundaries,
    });
    assert.deepEqual(ownLines(await renderText(snapshotOf([family]))), [
      '# TYPE d_seconds histogram',
      'd_seconds_bucket{k="v",le="0.005"} 1',
      'd_seconds_bucket{k="v",le="1"} 3',
      'd_seconds_bucket{k="v",le="1000"} 3',
      'd_seconds_bucket{k="v",le="+Inf"} 7',
      'd_seconds_sum{k="v"} 7.25',
      'd_seconds_count{k="v"} 7',
    ]);
  });

  test('values read back as the same double', async () => {
    const values = [
      NaN,
      Infinity,
      -Infinity,
      -0,
      5e-324,
      1.7976931348623157e308,
      1e21,
      123456789012345680000,
      999999999999999,
      1e15,
      2 ** 53,
      -1.5,
    ];
    const series = values.map((value, index) => seriesOf([['i', String(index)]], [value]));
    const lines = ownLines(await renderText(snapshotOf([familyOf('g', 'gauge', series)]))).slice(1);
    assert.deepEqual(
      lines.map((line) => line.split(' ')[1]),
      [
        'NaN',
        '+Inf',
        '-Inf',
        '0',
        '5e-324',
        '1.7976931348623157e+308',
        '1e+21',
        '123456789012345680000',
        '999999999999999',
        '1000000000000000',
        '9007199254740992',
        '-1.5',
      ],
    );
  });

  test('labels and descriptions are escaped', async () => {
    const family = familyOf('g', 'gauge', [seriesOf([['k', 'a\\b"c\nd\u0000é😀']], [1])], {
      help: 'a\\b"c\nd',
    });
    assert.deepEqual(ownLines(await renderText(snapshotOf([family]))), [
      '# HELP g a\\\\b"c\\nd',
      '# TYPE g gauge',
      'g{k="a\\\\b\\"c\\nd\u0000é😀"} 1',
    ]);
  });

  test('a lone surrogate never makes the scrape invalid', async () => {
    const family = familyOf('g', 'gauge', [seriesOf([['k', 'x\ud800y']], [1])], { help: 'h\udfff' });
    const lines = ownLines(await renderText(snapshotOf([family])));
    assert.deepEqual(lines, ['# HELP g h\ufffd', '# TYPE g gauge', 'g{k="x\ufffdy"} 1']);
  });
});

test('text 1.0.0 quotes names when both sides want UTF-8', async () => {
  const by = exposition({ translationStrategy: 'NoTranslation' });
  const snapshot = snapshotOf([
    familyOf(
      'http.requests',
      'counter',
      [
        seriesOf(
          [
            ['http.route', '/a'],
            ['ok', '1'],
          ],
          [3],
        ),
        seriesOf([], [4]),
      ],
      { help: 'x' },
    ),
    familyOf('d"\n', 'histogram', [seriesOf([], [1, 1, 1])], { boundaries: [1] }),
  ]);
  assert.deepEqual(ownLines(await renderText(snapshot, ACCEPT.utf8, by)), [
    '# HELP "http.requests" x',
    '# TYPE "http.requests" counter',
    '{"http.requests","http.route"="/a",ok="1"} 3',
    '{"http.requests"} 4',
    '# TYPE "d\\"\\n" histogram',
    '{"d\\"\\n_bucket",le="1"} 1',
    '{"d\\"\\n_bucket",le="+Inf"} 2',
    '{"d\\"\\n_sum"} 1',
    '{"d\\"\\n_count"} 2',
  ]);
  assert.match(await renderText(snapshot, ACCEPT.text1, by), /^http_requests\{http_route="\/a",ok="1"\} 3$/m);
});
