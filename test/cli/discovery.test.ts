import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { startPrometheusIn } from '../helpers/prometheus.js';
import { startRedis } from '../helpers/redis.js';
import { get } from '../helpers/scrape.js';
import { scratchDir } from '../helpers/scratch.js';
import { runProgram } from './program.js';
import { Serving } from './running-program.js';

interface Targets {
  readonly activeTargets: ReadonlyArray<{
    readonly health: string;
    readonly lastError: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly discoveredLabels: Readonly<Record<string, string>>;
    readonly scrapeUrl: string;
  }>;
}

const PATIENCE = { deadlineMs: 90_000, everyMs: 500 };

test('a real Prometheus finds three projects by /sd, scrapes all, and drops one whose data are gone', async (t) => {
  const redis = await startRedis(t);
  const apps = await Promise.all(
    ['shop', 'crm', 'hr'].map(async (project) => {
      const app = startApp(t, 'server.cjs', {
        env: {
          ORCHESTRATOR_PREFIX: project,
          ORCHESTRATOR_REDIS_URL: redis.url,
          OTEL_METRIC_EXPORT_INTERVAL: '500',
          OTEL_EXPORTER_PROMETHEUS_PORT: '0',
        },
      });
      return { project, app, port: await app.number('listening') };
    }),
  );
  const token = 'a-token-of-prometheus';
  const servePort = await new Serving(t, ['--refresh', '500ms'], {
    ORCHESTRATOR_REDIS_URL: redis.url,
    ORCHESTRATOR_METRICS_TOKEN: token,
  }).port();
  const dir = scratchDir(t, 'prometheus');
  // Without its type Prometheus 2.42 sends the bare token to the list.
  const authorization = { type: 'Bearer', credentials: token };
  const scraped = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      {
        job_name: 'projects',
        authorization,
        http_sd_configs: [{ url: `http://127.0.0.1:${servePort}/sd`, refresh_interval: '1s', authorization }],
      },
      { job_name: 'serve', authorization, static_configs: [{ targets: [`127.0.0.1:${servePort}`] }] },
    ],
  };
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(scraped));
  const prometheus = await startPrometheusIn(t, dir, await freePort());
  const found = async (): Promise<Targets['activeTargets']> => {
    const { activeTargets } = await prometheus.api<Targets>('targets', { state: 'active' });
    return activeTargets.filter(({ labels }) => labels['job'] === 'projects');
  };

  await eventually(async () => {
    const targets = await found();
    assert.deepEqual(
      targets.map(({ labels }) => labels['project'] ?? '').toSorted((a, b) => a.localeCompare(b)),
      ['crm', 'hr', 'shop'],
    );
    for (const { health, lastError } of targets) assert.equal(health, 'up', lastError);
  }, PATIENCE);
  for (const { labels, discoveredLabels, scrapeUrl } of await found()) {
    const project = labels['project'] ?? '';
    assert.deepEqual(labels, { instance: `127.0.0.1:${servePort}`, job: 'projects', project });
    assert.equal(discoveredLabels['__param_project'], project);
    assert.equal(scrapeUrl, `http://127.0.0.1:${servePort}/metrics?project=${project}`);
  }

  for (const [index, { port }] of apps.entries())
    for (let request = 0; request <= index; request += 1) await get(port, '/');
  for (const [index, { project }] of apps.entries()) {
    const query = `sum(http_server_request_duration_seconds_count{project="${project}"})`;
    await eventually(async () => assert.equal(await prometheus.value(query), index + 1), PATIENCE);
  }
  await eventually(
    async () => assert.equal(await prometheus.value('sum(orchestrator_project_instances)'), 3),
    PATIENCE,
  );

  // Its process ends, and its data go.
  await apps.find(({ project }) => project === 'hr')?.app.end('SIGTERM');
  assert.equal((await found()).length, 3, 'a project whose processes have ended stays while it has data');
  const { code, stderr } = await runProgram(['wipe', 'hr', '--yes'], {
    env: { ORCHESTRATOR_REDIS_URL: redis.url },
  });
  assert.equal(code, 0, stderr);
  await eventually(async () => {
    const projects = (await found()).map(({ labels }) => labels['project'] ?? '');
    assert.deepEqual(
      projects.toSorted((a, b) => a.localeCompare(b)),
      ['crm', 'shop'],
    );
  }, PATIENCE);
});
