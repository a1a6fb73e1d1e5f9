import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';

import { typeErrors } from '../helpers/typed-json.js';
import { BOARD_FOLDER, panelsOf, readBoards, type BoardJson } from './board-files.js';

/** One change to one place: [which place, key, value]. The key may lead deeper: `legend.displayMode`. */
type Fault = readonly [place: string, key: string, value: unknown];

/** Where the parts of a panel are that a fault can be in. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  panel: [],
  options: ['options'],
  field: ['fieldConfig', 'defaults'],
  custom: ['fieldConfig', 'defaults', 'custom'],
  override: ['fieldConfig', 'overrides', '0', 'properties', '0'],
  target: ['targets', '0'],
};

/** Places: the board, its first annotation, its second variable, or a part of its first panel of a type. */
const FAULTS: readonly Fault[] = [
  // A key that does not exist.
  ['board', 'titel', 'Overview'],
  ['board', 'templating.lists', []],
  ['variable', 'allVallue', '.+'],
  ['annotation', 'titelFormat', '{{job}}'],
  ['timeseries panel', 'discription', 'x'],
  ['timeseries options', 'legend.showLegends', true],
  ['timeseries field', 'units', 's'],
  ['timeseries custom', 'lineWith', 1],
  ['timeseries target', 'legendFromat', 'x'],
  ['stat options', 'grafMode', 'area'],
  ['stat field', 'custom', { lineWidth: 1 }],
  ['stat target', 'expression', 'up'],
  ['table options', 'footer', { show: false }],
  ['table custom', 'filtrable', true],
  ['table target', 'instantly', true],
  ['heatmap options', 'yAxis.units', 's'],
  ['heatmap custom', 'scaleDistributions', { type: 'linear' }],
  ['heatmap target', 'maxDataPoint', 100],
  // A value of another type.
  ['board', 'tags', 'nodejs'],
  ['board', 'schemaVersion', '42'],
  ['variable', 'multi', 'true'],
  ['timeseries panel', 'id', '3'],
  ['timeseries options', 'tooltip.mode', 1],
  ['timeseries custom', 'lineWidth', '1'],
  ['timeseries target', 'expr', 1],
  ['stat options', 'wideLayout', 'yes'],
  ['table options', 'frameIndex', '0'],
  ['table custom', 'filterable', 1],
  ['table override', 'value', 2],
  ['heatmap options', 'color.steps', '64'],
  // A value that is none of those allowed.
  ['board', 'graphTooltip', 7],
  ['variable', 'refresh', 9],
  ['variable', 'type', 'querry'],
  ['timeseries panel', 'type', 'timeserie'],
  ['timeseries options', 'legend.placement', 'below'],
  ['timeseries custom', 'showPoints', 'nevr'],
  ['timeseries target', 'format', 'tabel'],
  ['timeseries field', 'color', { mode: 'palette' }],
  ['stat options', 'colorMode', 'text'],
  ['table options', 'cellHeight', 'xl'],
  ['table custom', 'align', 'middle'],
  ['table override', 'id', 'units'],
  ['heatmap options', 'color.scale', 'log'],
  ['heatmap custom', 'scaleDistribution.type', 'logarithmic'],
  ['heatmap target', 'format', 'heat_map'],
  // A key that has to be there.
  ['stat options', 'graphMode', undefined],
  ['timeseries target', 'expr', undefined],
];

void suite("dashboards by Grafana's published schema", () => {
  const boards = readBoards();
  const texts = new Map<string, string>();
  for (const name of boards.keys()) texts.set(name, readFileSync(join(BOARD_FOLDER, `${name}.json`), 'utf8'));
  for (const [index, fault] of FAULTS.entries()) texts.set(`fault-${index}`, spoilt(fault));
  const types = { types: 'test/dashboards/grafana-board.js', type: 'GrafanaBoard' };
  const problems = typeErrors({ after }, types, texts);

  for (const name of boards.keys())
    test(`${name}.json is valid`, () => assert.deepEqual(problems.get(name), undefined));

  for (const [index, [place, key, value]] of FAULTS.entries()) {
    test(`refused: ${place}: ${key} ${value === undefined ? 'left out' : `= ${JSON.stringify(value)}`}`, () => {
      const found = problems.get(`fault-${index}`);
      assert.equal(found?.length, 1, found?.join('\n') ?? 'it was accepted');
      const names = [key.split('.').at(-1), ...(typeof value === 'object' ? Object.keys(value ?? {}) : [])];
      assert.match(found[0] ?? '', new RegExp(`\\b(?:${names.join('|')})\\b`));
    });
  }
});

/** The overview, which has panels of every type, with one fault. */
function spoilt([place, key, value]: Fault): string {
  const board = readBoards().get('project-overview');
  assert.ok(board !== undefined);
  const keys = key.split('.');
  const last = keys.pop() ?? '';
  const parent = inside(placeOf(board, place), ...keys);
  if (value === undefined) assert.ok(Reflect.deleteProperty(parent, last));
  else Reflect.set(parent, last, value);
  return JSON.stringify(board, undefined, 2);
}

function placeOf(board: BoardJson, place: string): object {
  if (place === 'board') return board;
  if (place === 'variable') return board.templating.list[1] ?? {};
  if (place === 'annotation') return board.annotations.list[0] ?? {};
  const [type = '', part = ''] = place.split(' ');
  const panel = panelsOf(board).find((one) => one.type === type);
  assert.ok(panel !== undefined, `no ${type} on the overview`);
  return inside(panel, ...(PARTS[part] ?? [`no part ${part}`]));
}

function inside(outer: object, ...keys: readonly string[]): object {
  let found: unknown = outer;
  for (const key of keys) {
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
    assert.ok(found !== undefined, `nothing at ${key}`);
  }
  return found as object;
}
