import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type LabelRules, attributeLabels, seriesLabels } from '../../../src/prometheus/naming/labels.js';
import { labelNamer } from '../../../src/prometheus/naming/names.js';
import type { Attributes, Scope } from '../../../src/model/series.js';

const RULES: LabelRules = {
  nameOf: labelNamer({ strategy: 'UnderscoreEscapingWithSuffixes', escaping: 'underscores' }),
  scopeInfo: true,
  resource: [],
};
const BARE: LabelRules = { ...RULES, scopeInfo: false };

function labels(
  attributes: Attributes,
  rules: LabelRules = BARE,
  scope: Scope = { name: 'lib' },
  histogram = false,
): object {
  return Object.fromEntries(seriesLabels({ id: 'x', scope, attributes }, rules, histogram));
}

test('"Metric Attributes MUST be converted to Prometheus labels"', () => {
  assert.deepEqual(
    labels([
      ['http.route', '/a'],
      ['Z', '1'],
    ]),
    { http_route: '/a', Z: '1' },
  );
});

test('"values MUST be concatenated together, separated by `;`, and ordered by the lexicographical order of the original keys"', () => {
  assert.deepEqual(
    labels([
      ['a_b', '3'],
      ['a-b', '1'],
      ['a.b', '2'],
    ]),
    { a_b: '1;2;3' },
  );
});

test('an empty value is no label, but takes part in a join', () => {
  assert.deepEqual(
    labels([
      ['a', ''],
      ['b.c', ''],
      ['b_c', 'x'],
    ]),
    { b_c: ';x' },
  );
});

test('scope name, version, schema URL and attributes are labels of every point', () => {
  const scope: Scope = {
    name: 'lib',
    version: '1.2',
    schemaUrl: 'https://x',
    attributes: [['build.id', '7']],
  };
  assert.deepEqual(labels([['k', 'v']], RULES, scope), {
    k: 'v',
    otel_scope_name: 'lib',
    otel_scope_version: '1.2',
    otel_scope_schema_url: 'https://x',
    otel_scope_build_id: '7',
  });
  assert.deepEqual(labels([['k', 'v']], BARE, scope), { k: 'v' });
});

test('scope attributes that "would conflict with" the three "MUST be dropped", also when those are absent', () => {
  const scope: Scope = {
    name: 'lib',
    attributes: [
      ['name', 'a'],
      ['schema.url', 'b'],
      ['version', 'c'],
    ],
  };
  assert.deepEqual(labels([], RULES, scope), { otel_scope_name: 'lib' });
});

test('an attribute that collides with a scope label is joined with it', () => {
  assert.deepEqual(labels([['otel.scope.name', 'mine']], RULES), { otel_scope_name: 'mine;lib' });
});

test('resource attributes are labels only where they were asked for', () => {
  const rules: LabelRules = { ...BARE, resource: [['service.name', 'shop']] };
  assert.deepEqual(labels([['k', 'v']], rules), { k: 'v', service_name: 'shop' });
  assert.deepEqual(labels([['service.name', 'mine']], rules), { service_name: 'mine' });
});

test('le is reserved on histograms, and only there', () => {
  assert.deepEqual(labels([['le', '1']]), { le: '1' });
  assert.deepEqual(
    labels(
      [
        ['exported_le', '2'],
        ['le', '1'],
      ],
      BARE,
      { name: '' },
      true,
    ),
    { exported_le: '2;1' },
  );
});

test('labels are sorted by their final name, so that equal sets are equal texts', () => {
  const a = seriesLabels(
    {
      id: 'a',
      scope: { name: '' },
      attributes: [
        ['a.b', '1'],
        ['a_c', '2'],
      ],
    },
    BARE,
    false,
  );
  const b = seriesLabels(
    {
      id: 'b',
      scope: { name: '' },
      attributes: [
        ['a.c', '2'],
        ['a_b', '1'],
      ],
    },
    BARE,
    false,
  );
  assert.deepEqual(a, b);
});

test('the labels of target_info are the resource attributes only', () => {
  assert.deepEqual(attributeLabels([['service.name', 'shop']], RULES.nameOf), [['service_name', 'shop']]);
});
