import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Ajv, type ValidateFunction } from 'ajv';

import { BOARDS, boardText } from '../../dashboards/all-boards.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { BOARD_FOLDER, panelsOf, readBoards, type PanelJson } from './board-files.js';

const SCHEMAS = join(PACKAGE_ROOT, 'test', 'fixtures', 'schemas');
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

interface Schema {
  readonly $ref?: string;
  readonly definitions: Record<string, { properties?: Record<string, object> }>;
}

function readSchema(name: string): Schema {
  return JSON.parse(readFileSync(join(SCHEMAS, `grafana-${name}.json`), 'utf8')) as Schema;
}

/**
 * Of these two Grafana says "any value" (`_` in CUE), which the export to JSON Schema made an object of: a matcher by name
 * has a text there, as every override in Grafana has.
 */
function readDashboardSchema(): Schema {
  const schema = readSchema('dashboard');
  const { MatcherConfig, DynamicConfigValue } = schema.definitions;
  assert.ok(MatcherConfig?.properties !== undefined && DynamicConfigValue?.properties !== undefined);
  MatcherConfig.properties['options'] = {};
  DynamicConfigValue.properties['value'] = {};
  return schema;
}

/** One definition of a schema file; undefined if the file has none of that name. */
function definition(file: string, name: string): ValidateFunction | undefined {
  const schema = readSchema(file);
  return name in schema.definitions ? ajv.compile({ ...schema, $ref: `#/definitions/${name}` }) : undefined;
}

function assertValid(validate: ValidateFunction | undefined, value: unknown, what: string): void {
  if (validate === undefined) return;
  assert.ok(
    validate(value),
    `${what}: ${validate.errors?.map((error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`).join('\n')}`,
  );
}

test('the committed dashboards are those that the sources make', () => {
  assert.deepEqual(
    readdirSync(BOARD_FOLDER).toSorted(),
    Object.keys(BOARDS)
      .map((name) => `${name}.json`)
      .toSorted(),
  );
  for (const [name, board] of Object.entries(BOARDS)) {
    assert.equal(
      readFileSync(join(BOARD_FOLDER, `${name}.json`), 'utf8'),
      boardText(board),
      `${name}.json is old: npm run dashboards`,
    );
  }
});

test('dashboards, panels and queries are valid by the schemas that Grafana publishes', () => {
  const dashboard = ajv.compile(readDashboardSchema());
  const query = definition('prometheus', 'Dataquery');
  const kinds = new Map(
    ['timeseries', 'stat', 'heatmap', 'table'].map((type) => [
      type,
      { options: definition(type, 'Options'), custom: definition(type, 'FieldConfig') },
    ]),
  );
  assert.ok(query !== undefined);
  for (const [name, board] of readBoards()) {
    assertValid(dashboard, board, name);
    for (const panel of panelsOf(board)) {
      const what = `${name}, panel "${panel.title}"`;
      const kind = kinds.get(panel.type);
      assert.ok(kind !== undefined, `${what} is a ${panel.type}, for which there is no schema here`);
      assertValid(kind.options, panel.options ?? {}, what);
      assertValid(kind.custom, customOf(panel), what);
      for (const target of panel.targets ?? []) assertValid(query, target, `${what}, query ${target.refId}`);
    }
  }
});

test('the schemas would notice a misspelt key and a wrong type', () => {
  const dashboard = ajv.compile(readDashboardSchema());
  const [board] = readBoards().values();
  assert.ok(board !== undefined);
  assert.equal(dashboard({ ...board, titel: 'x' }), false);
  assert.equal(dashboard({ ...board, refresh: 30 }), false);
  const options = definition('timeseries', 'Options');
  assert.equal(options?.({ legend: { displayMode: 'liste' } }), false);
});

function customOf(panel: PanelJson): unknown {
  return panel.fieldConfig?.defaults.custom ?? {};
}
