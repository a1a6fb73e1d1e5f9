import assert from 'node:assert/strict';
import { test } from 'node:test';

import { durationMove } from '../../../src/cli/migrate/libraries/http-labels.js';
import { defaultMetricMoves } from '../../../src/cli/migrate/libraries/prom-client-defaults.js';
import { rewriteFile } from '../../../src/cli/migrate/promql/rewrite-file.js';
import { movesByName, rewriteQuery } from '../../../src/cli/migrate/promql/rewrite-query.js';

const MOVES = [
  durationMove('http_request_duration_seconds', ['method', 'path', 'status_code'], [0.1, 0.25]),
  ...defaultMetricMoves(),
];

const OLD = 'http_request_duration_seconds';
const NEW = 'http_server_request_duration_seconds';

const REWRITTEN: Readonly<Record<string, string>> = {
  [`sum by (job, path) (rate(${OLD}_bucket{job=~"$job",status_code!~"5.."}[$__rate_interval]))`]: `sum by (job, http_route) (rate(${NEW}_bucket{job=~"$job",http_response_status_code!~"5.."}[$__rate_interval]))`,
  [`histogram_quantile(0.95, sum by (le) (rate(${OLD}_bucket[\${window}])))`]: `histogram_quantile(0.95, sum by (le) (rate(${NEW}_bucket[\${window}])))`,
  [`rate(${OLD}_bucket{le="0.25"}[5m]) / on (path) group_left (method) rate(${OLD}_count[5m])`]: `rate(${NEW}_bucket{le="0.25"}[5m]) / on (http_route) group_left (http_request_method) rate(${NEW}_count[5m])`,
  'rate(process_cpu_user_seconds_total[5m])':
    'rate(process_cpu_time_seconds_total{process_cpu_state="user"}[5m])',
  'rate(process_cpu_system_seconds_total{ job="a" }[5m])':
    'rate(process_cpu_time_seconds_total{process_cpu_state="system",job="a" }[5m])',
  'process_cpu_user_seconds_total{}': 'process_cpu_time_seconds_total{process_cpu_state="user"}',
  'sum by (job) (rate(process_cpu_seconds_total[5m]))':
    'sum by (job) (rate(process_cpu_time_seconds_total[5m]))',
  'nodejs_heap_space_size_used_bytes{space="old"}':
    'v8js_memory_heap_used_bytes{v8js_heap_space_name="old_space"}',
  [`sum(rate(${OLD}_count[5m])) / sum(up)`]: `sum(rate(${NEW}_count[5m])) / sum(up)`,
  // Neither a name in a text nor a longer name is the metric.
  [`label_replace(up, "a", "${OLD}", "b", "")`]: `label_replace(up, "a", "${OLD}", "b", "")`,
  [`my_${OLD}_count`]: `my_${OLD}_count`,
};

const REFUSED: Readonly<Record<string, RegExp>> = {
  'rate(process_cpu_seconds_total[5m])': /put sum\(\) around it/,
  'max(process_cpu_seconds_total)': /put sum\(\) around it/,
  process_open_fds: /no counterpart/,
  [`rate(${OLD}_bucket{le="0.3"}[5m])`]: /no boundary/,
  'nodejs_heap_space_size_used_bytes{space=~"$space"}': /other values/,
  [`sum by (path) (${OLD}_count) / sum by (path) (orders_total)`]:
    /belongs to metrics that move and to others|labels that get new names/,
  [`${OLD}_count / orders_total`]: /labels that get new names/,
  [`label_replace(${OLD}_count, "x", "$1", "path", "(.*)")`]: /label_replace/,
  [`sum(rate(${OLD}_count[5m])`]: /could not be read/,
};

for (const [query, expected] of Object.entries(REWRITTEN)) {
  test(`rewrites ${query}`, () => {
    const moves = movesByName(MOVES);
    const { text, refused } = rewriteQuery(query, moves);
    assert.deepEqual([text, refused], [expected, []]);
    assert.deepEqual(rewriteQuery(text, moves).edits, [], 'a second time');
  });
}

for (const [query, why] of Object.entries(REFUSED)) {
  test(`leaves ${query}`, () => {
    const { text, refused, edits } = rewriteQuery(query, movesByName(MOVES));
    assert.equal(text, query);
    assert.deepEqual(edits, []);
    assert.match(refused.join('; '), why);
  });
}

test('a dashboard: queries, names of series and variables; everything else byte for byte', () => {
  const text = `{\t"panels":[ {"targets":[{"expr":"sum by (path) (${OLD}_count{path=\\"/a\\"})", "legendFormat" : "{{ path }} {{job}}"}]} ],
  "templating": {"list":[{"query":{"query":"label_values(${OLD}_count, path)"},"definition":"label_values(${OLD}_count, path)"}]}, "path": "path" }`;
  const { text: after, queries } = rewriteFile(text, MOVES);
  assert.equal(
    after,
    text
      .replaceAll(OLD, NEW)
      .replace('by (path)', 'by (http_route)')
      .replace('{path=', '{http_route=')
      .replace('{{ path }}', '{{ http_route }}')
      .replaceAll('_count, path)', '_count, http_route)'),
  );
  assert.deepEqual(
    queries.map(({ line }) => line),
    [1, 2, 2],
  );
});

test('rules: comments, folds and annotations', () => {
  const text = `groups:
- rules:
  - alert: A # why
    expr: >-
      sum by (path) (rate(${OLD}_count[5m]))
        > 1
    labels: { severity: page }
    annotations: { summary: '{{ $labels.path }} and {{ $labels.job }}' }
  - record: r
    expr: "sum(up)"
`;
  const after = rewriteFile(text, MOVES).text;
  assert.equal(
    after,
    text.replace(OLD, NEW).replace('(path)', '(http_route)').replace('$labels.path', '$labels.http_route'),
  );
});
