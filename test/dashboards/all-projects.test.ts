import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';

import { eventually } from '../helpers/eventually.js';
import { panelsOf, readBoards, substitute } from './board-files.js';
import { assertNothingEmpty, VALUES } from './filled-panels.js';
import { selectorsOf } from './promql-tree.js';
import { PROJECTS, startProjects } from './three-projects.js';

/** Three projects of one Redis behind `orchestrator serve`, scraped as `orchestrator init --prometheus http-sd` says. */

const [BOARD] = [...readBoards()].filter(([name]) => name === 'all-projects').map(([, board]) => board);

interface Rules {
  readonly groups: ReadonlyArray<{
    readonly rules: ReadonlyArray<{ name: string; query: string; health: string; lastError?: string }>;
  }>;
}

void suite('all projects on one page', () => {
  const started = startProjects({ after });

  test('every query of every panel returns data, and each table and graph has every project', async () => {
    const { prometheus } = await started;
    assert.ok(BOARD !== undefined);
    await eventually(() => assertNothingEmpty(prometheus, BOARD), { deadlineMs: 120_000, everyMs: 1000 });
    for (const { expr, legendFormat } of panelsOf(BOARD).flatMap((panel) => panel.targets ?? [])) {
      if (legendFormat !== undefined && !legendFormat.includes('{{job}}')) continue;
      await eventually(async () => {
        const found = await prometheus.query(substitute(expr, VALUES));
        assert.deepEqual(new Set(found.map(({ labels }) => labels['job'])), new Set(PROJECTS), expr);
        assert.equal(found.length, PROJECTS.length, expr);
      });
    }
  });

  test('every metric that the dashboard and its rules name exists, and Prometheus evaluates the rules', async () => {
    const { prometheus } = await started;
    await eventually(async () => {
      const existing = new Set(await prometheus.api<string[]>('label/__name__/values'));
      const { groups } = await prometheus.api<Rules>('rules');
      const rules = groups.flatMap((group) => group.rules);
      assert.equal(rules.length, 3);
      for (const { name, health, lastError } of rules) assert.equal(health, 'ok', `${name}: ${lastError}`);
      const queries = [
        ...panelsOf(BOARD ?? assert.fail())
          .flatMap((panel) => panel.targets ?? [])
          .map(({ expr }) => expr),
        ...rules.map(({ query }) => query),
      ];
      for (const query of queries)
        for (const { metric } of selectorsOf(substitute(query, VALUES)))
          assert.ok(metric === '' || existing.has(metric), metric);
    });
  });

  test('a row leads to the dashboard of its project, whose queries find it by the same job', async () => {
    const { prometheus } = await started;
    const table = panelsOf(BOARD ?? assert.fail()).find(({ type }) => type === 'table');
    assert.match(
      JSON.stringify(table?.fieldConfig?.overrides),
      /\/d\/orchestrator-overview\?.*var-job=\$\{__value\.raw\}/,
    );
    const overview = readBoards().get('project-overview') ?? assert.fail();
    const [first] = panelsOf(overview);
    const expr = first?.targets?.[0]?.expr ?? assert.fail();
    for (const job of PROJECTS)
      assert.ok((await prometheus.value(substitute(expr, { ...VALUES, job }))) > 0, job);
  });

  test('the projects of http_sd_configs are targets of their own, and are up', async () => {
    const { prometheus } = await started;
    const up = await prometheus.query('up');
    assert.deepEqual(
      new Map(up.map(({ labels, value }) => [labels['job'], value])),
      new Map([...PROJECTS, 'projects-overview'].map((job) => [job, 1])),
    );
    assert.equal(up.length, PROJECTS.length + 1);
  });
});
