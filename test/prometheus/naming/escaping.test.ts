import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import { escapeName, isLegacyName } from '../../../src/prometheus/naming/escaping.js';

/** The first two are examples of the Prometheus documentation, "UTF-8 metric and label name escaping schemes". */
const CASES: ReadonlyArray<readonly [name: string, underscores: string, dots: string, values: string]> = [
  [
    'metric.name/with/slashes',
    'metric_name_with_slashes',
    'metric_dot_name_with_slashes',
    'U__metric_2e_name_2f_with_2f_slashes',
  ],
  [
    'metric.name.with.dots',
    'metric_name_with_dots',
    'metric_dot_name_dot_with_dot_dots',
    'U__metric_2e_name_2e_with_2e_dots',
  ],
  [
    'metric.with_underscore',
    'metric_with_underscore',
    'metric_dot_with__underscore',
    'U__metric_2e_with__underscore',
  ],
  ['0digit', '_digit', '_digit', 'U___30_digit'],
  ['😀', '_', '_', 'U___1f600_'],
  ['http.status:sum', 'http_status:sum', 'http_dot_status:sum', 'U__http_2e_status:sum'],
  // A legacy name may stay, but for dots: `a_dot_b` would read back as `a.b`.
  ['http_requests_total', 'http_requests_total', 'http__requests__total', 'http_requests_total'],
  ['a_dot_b', 'a_dot_b', 'a__dot__b', 'a_dot_b'],
];

test('each scheme escapes as documented', () => {
  for (const [name, underscores, dots, values] of CASES) {
    assert.equal(escapeName(name, 'underscores', 'metric'), underscores);
    assert.equal(escapeName(name, 'dots', 'metric'), dots);
    assert.equal(escapeName(name, 'values', 'metric'), values);
    assert.equal(escapeName(name, 'allow-utf-8', 'metric'), name);
  }
});

test('a colon is legal in a metric name only', () => {
  assert.equal(escapeName('a:b', 'underscores', 'metric'), 'a:b');
  assert.equal(escapeName('a:b', 'underscores', 'label'), 'a_b');
});

test('every scheme but allow-utf-8 makes legacy names of anything', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.constantFrom('underscores' as const, 'dots' as const, 'values' as const),
      fc.constantFrom('metric' as const, 'label' as const),
      (name, scheme, kind) => isLegacyName(escapeName(name, scheme, kind), kind),
    ),
  );
});
