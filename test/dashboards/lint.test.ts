import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as units from '@grafana/grafana-foundation-sdk/units';

import {
  panelsOf,
  readBoards,
  substitute,
  type BoardJson,
  type PanelJson,
  type TargetJson,
} from './board-files.js';
import { selectorsOf } from './promql-tree.js';

/**
 * The rules of Grafana's dashboard-linter, less two: they want a variable `instance` on every dashboard and
 * `instance=~"$instance"` on every selector, where ours have the processes in `service_instance_id`, and only on gauges.
 */

/** Units that Grafana has; a misspelt one is shown as text behind the number. */
const UNITS = new Set<string>(Object.values(units));

/** An up-down counter, whose name ends as a counter's does. */
const NOT_COUNTERS = new Set(['db_client_connection_count']);

/** Durations that no query has by itself. */
const RATE_INTERVAL = '17s';
const RANGE = '19s';

const boards = readBoards();

function eachPanel(check: (panel: PanelJson, what: string, board: BoardJson) => void): void {
  for (const [name, board] of boards)
    for (const panel of panelsOf(board)) check(panel, `${name}, panel "${panel.title}"`, board);
}

function eachTarget(check: (target: TargetJson, what: string) => void): void {
  eachPanel((panel, what) => {
    for (const target of panel.targets ?? []) check(target, `${what}, query ${target.refId}: ${target.expr}`);
  });
}

function selectors(expression: string): ReturnType<typeof selectorsOf> {
  return selectorsOf(substitute(expression, { __rate_interval: RATE_INTERVAL, __range: RANGE }));
}

test('every panel has a title, a description that says more, a unit, queries, and the chosen data source', () => {
  eachPanel((panel, what) => {
    assert.ok(panel.title.length > 2, what);
    assert.ok((panel.description ?? '').length > panel.title.length, `${what} has no description`);
    assert.ok((panel.targets ?? []).length > 0, `${what} asks nothing`);
    assert.equal(panel.datasource?.uid, '${datasource}', what);
    for (const target of panel.targets ?? []) assert.equal(target.datasource?.uid, '${datasource}', what);
    for (const unit of unitsOf(panel)) assert.ok(UNITS.has(unit), `${what}: unit "${unit}"`);
    assert.ok(unitsOf(panel).length > 0, `${what} has no unit`);
  });
});

test('every series has a name: a label of it, or words', () => {
  eachPanel((panel, what) => {
    if (panel.type !== 'timeseries') return;
    const legends = (panel.targets ?? []).map((target) => target.legendFormat ?? '');
    assert.ok(!legends.includes(''), what);
    assert.equal(new Set(legends).size, legends.length, `${what} has two series of one name`);
  });
});

test('every query is PromQL and asks for the chosen project only', () => {
  eachTarget((target, what) => {
    const found = selectors(target.expr);
    assert.ok(found.length > 0, what);
    for (const { matchers } of found) assert.ok(matchers.includes('job=~"$job"'), what);
  });
});

test('rates follow the scrape interval, totals the chosen time', () => {
  eachTarget((target, what) => {
    for (const { range, functionName } of selectors(target.expr)) {
      if (functionName === 'rate') assert.equal(range, RATE_INTERVAL, what);
      if (functionName === 'increase') assert.ok(range === RATE_INTERVAL || range === RANGE, what);
    }
  });
});

test('counters are only read through rate and increase', () => {
  eachTarget((target, what) => {
    for (const { metric, functionName } of selectors(target.expr)) {
      if (/_(?:total|count|sum|bucket)$/.test(metric) && !NOT_COUNTERS.has(metric))
        assert.ok(functionName === 'rate' || functionName === 'increase', what);
    }
  });
});

test('variables: a data source and a project on every dashboard, asked for whenever the time range changes', () => {
  for (const [name, { templating, editable, links }] of boards) {
    assert.equal(editable, false, `${name} can be edited, and would lose the change with the next version`);
    assert.ok(links.length > 0, `${name} has no links to the others`);
    const [datasource, job, ...others] = templating.list;
    assert.deepEqual(
      [datasource?.name, datasource?.type, datasource?.query, datasource?.label],
      ['datasource', 'datasource', 'prometheus', 'Data source'],
    );
    assert.deepEqual([job?.name, job?.label], ['job', 'Job']);
    for (const variable of [job, ...others]) {
      const what = `${name}, variable ${variable?.name}`;
      assert.equal(variable?.type, 'query', what);
      assert.equal(variable.datasource?.uid, '${datasource}', what);
      assert.equal(variable.multi, true, what);
      assert.equal(variable.allValue, variable.name === 'route' ? '.*' : '.+', what);
      assert.equal(variable.refresh, 2, what);
      const [, selector] = /^label_values\((.+), \w+\)$/.exec(variable.query) ?? [];
      assert.ok(selector !== undefined, `${what}: ${variable.query}`);
      assert.equal(selectorsOf(selector).length, 1, what);
    }
  }
});

test('every variable that a dashboard offers is used, and every one that it uses is offered', () => {
  for (const [name, board] of boards) {
    const text = JSON.stringify(panelsOf(board).map((panel) => panel.targets));
    const used = new Set(Array.from(text.matchAll(/\$(\w+)/g), ([, variable = '']) => variable));
    for (const variable of used) if (variable.startsWith('__')) used.delete(variable);
    const offered = board.templating.list.map((variable) => variable.name);
    assert.deepEqual(used.add('datasource'), new Set(offered), name);
  }
});

test('panels do not overlap, ids are unique, links lead to dashboards of the set', () => {
  const uids = new Set(Array.from(boards.values(), (board) => board.uid));
  assert.equal(uids.size, boards.size);
  for (const [name, board] of boards) {
    const all = [...board.panels, ...board.panels.flatMap((panel) => panel.panels ?? [])];
    assert.equal(new Set(all.map((panel) => panel.id)).size, all.length, `${name}: ids`);
    for (const [index, a] of board.panels.entries())
      for (const b of board.panels.slice(index + 1))
        assert.ok(!overlap(a, b), `${name}: "${a.title}" lies on "${b.title}"`);
    for (const panel of all) {
      assert.ok(panel.gridPos.x + panel.gridPos.w <= 24, `${name}: "${panel.title}" is too wide`);
      for (const { url } of panel.links ?? [])
        assert.ok(uids.has(/^\/d\/([\w-]+)\?/.exec(url)?.[1] ?? ''), `${name}: ${url}`);
    }
    for (const link of [...board.links, ...all.flatMap((panel) => panel.links ?? [])])
      assert.ok(!('placement' in link), `${name}: a link in a menu behind an icon`);
  }
});

function unitsOf(panel: PanelJson): string[] {
  const { defaults, overrides } = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const own = overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'unit'));
  return [...(defaults.unit === undefined ? [] : [defaults.unit]), ...own.map(({ value }) => String(value))];
}

function overlap({ gridPos: a }: PanelJson, { gridPos: b }: PanelJson): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
