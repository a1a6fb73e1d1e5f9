import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Exposition } from './exposition.js';

const HISTOGRAM = `# HELP d_seconds Duration
# TYPE d_seconds histogram
d_seconds_bucket{route="/a",le="0.1"} 1
d_seconds_bucket{route="/a",le="+Inf"} 3
d_seconds_sum{route="/a"} 0.5
d_seconds_count{route="/a"} 3
`;

test('reads families, labels and values', () => {
  const exposition = new Exposition(
    `${HISTOGRAM}# TYPE a_total counter\na_total{x="q\\"b\\\\n\\nü",y=""} 1e+3\na_total{x="z"} 2\n# TYPE g gauge\ng -Inf\n`,
  );
  assert.equal(exposition.lines, 7);
  assert.deepEqual(exposition.samples('a_total')[0]?.labels, { x: 'q"b\\n\nü', y: '' });
  assert.equal(exposition.sum('a_total'), 1002);
  assert.equal(exposition.sum('a_total', { x: 'z' }), 2);
  assert.equal(exposition.sum('g'), -Infinity);
  assert.equal(exposition.families.get('d_seconds')?.help, 'Duration');
});

/** Most of these a real Prometheus accepts without a word. */
const refused: Record<string, string> = {
  'no line feed at the end': '# TYPE a gauge\na 1',
  'a family in two blocks': '# TYPE a gauge\na{x="1"} 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x="2"} 1\n',
  'a sample apart from its family': '# TYPE a gauge\na{x="1"} 1\n# TYPE b gauge\nb 1\na{x="2"} 1\n',
  'a series twice': '# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 1\n',
  'a series twice, but for an empty label': '# TYPE a gauge\na{x=""} 1\na 1\n',
  'a label twice': '# TYPE a gauge\na{x="1",x="2"} 1\n',
  'no TYPE': 'a 1\n',
  'TYPE twice': '# TYPE a gauge\n# TYPE a gauge\na 1\n',
  'HELP twice': '# HELP a x\n# HELP a y\n# TYPE a gauge\na 1\n',
  'TYPE after a sample': 'a 1\n# TYPE a gauge\n',
  'an unknown type': '# TYPE a info\na 1\n',
  'a family without samples': '# TYPE a gauge\n',
  'another comment': '# EOF\n',
  'an empty line': '# TYPE a gauge\n\na 1\n',
  CRLF: '# TYPE a gauge\r\na 1\r\n',
  'a raw line feed in a label': '# TYPE a gauge\na{x="1\n2"} 1\n',
  'an unknown escape': '# TYPE a gauge\na{x="\\d"} 1\n',
  'an unknown escape in HELP': '# HELP a \\d\n# TYPE a gauge\na 1\n',
  'a dotted name': '# TYPE a.b gauge\na.b 1\n',
  'a timestamp': '# TYPE a gauge\na 1 1700000000000\n',
  'no number': '# TYPE a gauge\na undefined\n',
  'Infinity spelled out': '# TYPE a gauge\na Infinity\n',
  'a counter below zero': '# TYPE a_total counter\na_total -1\n',
  'a counter that is not a number': '# TYPE a_total counter\na_total NaN\n',
  'no +Inf': HISTOGRAM.replace('le="+Inf"', 'le="0.2"'),
  '+Inf is not _count': HISTOGRAM.replace('_count{route="/a"} 3', '_count{route="/a"} 4'),
  'no _sum': HISTOGRAM.replace(/.*_sum.*\n/, ''),
  'no _count': HISTOGRAM.replace(/.*_count.*\n/, ''),
  'buckets that decrease': HISTOGRAM.replace('le="0.1"} 1', 'le="0.1"} 4'),
  'a bucket count that is no integer': HISTOGRAM.replace('le="0.1"} 1', 'le="0.1"} 1.5'),
  'bounds that descend': HISTOGRAM.replace(
    'd_seconds_bucket{route="/a",le="+Inf"}',
    'd_seconds_bucket{route="/a",le="0.05"} 1\n$&',
  ),
};

for (const [name, text] of Object.entries(refused)) {
  test(`refuses ${name}`, () => {
    assert.throws(() => new Exposition(text), assert.AssertionError);
  });
}
