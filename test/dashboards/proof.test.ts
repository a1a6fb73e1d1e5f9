import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';

import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { startPrometheus, type Prometheus } from '../helpers/prometheus.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { panelsOf, readBoards, substitute } from './board-files.js';
import { assertNothingEmpty, STEP_SECONDS, VALUES, WINDOW_SECONDS } from './filled-panels.js';
import { selectorsOf } from './promql-tree.js';
import { startShop } from './shop.js';

/**
 * The promise of the dashboards: on the demo application, with everything that it does, no panel is empty. Also the
 * promise of the rules: each names only what exists.
 */

const RULES = join(PACKAGE_ROOT, 'dashboards', 'rules');

/** A limit that only exists where a user gives one. */
const OPTIONAL_METRICS = new Set(['job_name:job_max_age:seconds']);

interface RuleGroups {
  readonly groups: ReadonlyArray<{
    readonly file: string;
    readonly rules: ReadonlyArray<{
      readonly name: string;
      readonly query: string;
      readonly health: string;
      readonly lastError?: string;
    }>;
  }>;
}

void suite('the demo application fills every panel', () => {
  const boards = readBoards();
  // It is about several projects, and has a proof of its own.
  boards.delete('all-projects');
  const started = startAll({ after });

  for (const [name, board] of boards) {
    test(`${board.title}: every query of every panel returns data`, async () => {
      const prometheus = await started;
      await eventually(() => assertNothingEmpty(prometheus, board), { deadlineMs: 120_000, everyMs: 1000 });
      assert.ok(panelsOf(board).length >= 5, name);
    });

    test(`${board.title}: every variable has values, every annotation is accepted`, async () => {
      const prometheus = await started;
      for (const { type, query } of board.templating.list) {
        if (type !== 'query') continue;
        const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
        const values = await prometheus.api<string[]>(`label/${label}/values`, {
          'match[]': substitute(selector, VALUES),
        });
        assert.ok(values.length > 0, query);
      }
      for (const { name: annotation, expr } of board.annotations.list) {
        const points = await prometheus.queryRange(substitute(expr, VALUES), WINDOW_SECONDS, STEP_SECONDS);
        assert.ok(points.length > 0, `${annotation}: ${expr}`);
      }
    });
  }

  test('a planted panel that is dead, or lacks the label that it shows, does not pass', async () => {
    const prometheus = await started;
    const [board] = boards.values();
    const panel = board === undefined ? undefined : panelsOf(board).find(({ type }) => type === 'timeseries');
    assert.ok(board !== undefined && panel !== undefined);
    for (const [expr, legendFormat, reported] of [
      ['http_requests_totally{job=~"$job"}', 'requests', /empty: .*http_requests_totally/],
      ['0 / (0 * up{job=~"$job"})', 'only NaN', /empty: .*0 \* up/],
      ['up{job=~"$job"}', '{{pod}}', /no label pod: .*up/],
    ] as const) {
      const dead = { ...panel, targets: [{ refId: 'A', expr, legendFormat }] };
      await assert.rejects(assertNothingEmpty(prometheus, { ...board, panels: [dead] }), reported);
    }
  });

  test('every metric that a dashboard names exists', async () => {
    const prometheus = await started;
    const existing = new Set(await prometheus.api<string[]>('label/__name__/values'));
    for (const board of boards.values()) {
      for (const { expr } of panelsOf(board).flatMap((panel) => panel.targets ?? [])) {
        for (const { metric } of selectorsOf(substitute(expr, VALUES)))
          assert.ok(metric === '' || existing.has(metric), `${board.title}: ${metric}`);
      }
    }
  });

  test('Prometheus evaluates every rule, and every metric that a rule names exists', async () => {
    const prometheus = await started;
    await eventually(
      async () => {
        const existing = new Set(await prometheus.api<string[]>('label/__name__/values'));
        const { groups } = await prometheus.api<RuleGroups>('rules');
        assert.equal(new Set(groups.map((group) => group.file)).size, 5);
        for (const { name, query, health, lastError } of groups.flatMap((group) => group.rules)) {
          assert.equal(health, 'ok', `${name}: ${lastError ?? 'not evaluated yet'}`);
          for (const { metric } of selectorsOf(query)) {
            const known = metric === '' || OPTIONAL_METRICS.has(metric) || existing.has(metric);
            assert.ok(known, `${name} asks for ${metric}`);
          }
        }
      },
      { everyMs: 1000 },
    );
  });

  test('the scrapes of all that: none failed, no line left out', async () => {
    const prometheus = await started;
    assert.equal(await prometheus.value('min_over_time(up[10s])'), 1);
    const lines = await prometheus.value('scrape_samples_scraped');
    assert.equal(await prometheus.value('scrape_samples_post_metric_relabeling'), lines);
  });
});

async function startAll(owner: Owner): Promise<Prometheus> {
  const shop = await startShop(owner, { webs: 2 });
  shop.run('worker.js');
  const ruleFiles = readdirSync(RULES)
    .filter((file) => file.endsWith('.yml') && file !== 'projects.yml')
    .map((file) => join(RULES, file));
  const prometheus = await startPrometheus(owner, shop.metricsPort, { ruleFiles });
  for (const { app } of shop.ports) shop.visit(app, 10, 8);
  const { code, stderr } = await shop.run('report.js').ending;
  assert.equal(code, 0, stderr);
  return prometheus;
}
