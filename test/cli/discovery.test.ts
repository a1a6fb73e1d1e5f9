import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
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
    readonly lastScrape: string;
  }>;
}

const PATIENCE = { deadlineMs: 90_000, everyMs: 500 };

/** Longer than Prometheus takes from an answer of a list to its targets: it passes changes on every five seconds, twice. */
const SLOW_REFRESH_S = 15;

/** A list as Prometheus got it. */
interface Listed {
  readonly atMs: number;
  readonly projects: readonly string[];
}

/** Stands between Prometheus and `/sd`, and keeps what each of its two jobs was told. */
class ListWitness {
  readonly quick: Listed[] = [];
  readonly slow: Listed[] = [];
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  static async between(owner: Owner, servePort: number): Promise<ListWitness> {
    const server = createServer((request, response) => {
      const atMs = Date.now();
      const headers = { authorization: request.headers.authorization ?? '' };
      void get(servePort, '/sd', { headers }).then(({ status, body }) => {
        const projects = status === 200 ? projectsIn(body) : [];
        (request.url === '/slow' ? witness.slow : witness.quick).push({ atMs, projects });
        response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onEnd(owner, () => void server.close());
    const address = server.address();
    const witness = new ListWitness(typeof address === 'object' ? (address?.port ?? 0) : 0);
    return witness;
  }
}

function projectsIn(list: string): string[] {
  const targets = JSON.parse(list) as Array<{ labels: Record<string, string> }>;
  return targets.map(({ labels }) => labels['project'] ?? '');
}

test('a real Prometheus finds three projects by /sd, scrapes all, and drops one within one refresh after its data are gone', async (t) => {
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
  const servePort = await new Serving(t, ['--refresh', '0'], {
    ORCHESTRATOR_REDIS_URL: redis.url,
    ORCHESTRATOR_METRICS_TOKEN: token,
  }).port();
  const witness = await ListWitness.between(t, servePort);
  const dir = scratchDir(t, 'prometheus');
  // Without its type Prometheus 2.42 sends the bare token to the list.
  const authorization = { type: 'Bearer', credentials: token };
  const discovered = (job: string, path: string, refresh: string): object => ({
    job_name: job,
    authorization,
    http_sd_configs: [
      { url: `http://127.0.0.1:${witness.port}${path}`, refresh_interval: refresh, authorization },
    ],
  });
  const scraped = {
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [
      discovered('projects', '/quick', '1s'),
      discovered('slow', '/slow', `${SLOW_REFRESH_S}s`),
      { job_name: 'serve', authorization, static_configs: [{ targets: [`127.0.0.1:${servePort}`] }] },
    ],
  };
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(scraped));
  const prometheus = await startPrometheusIn(t, dir, await freePort());
  const found = async (job = 'projects'): Promise<Targets['activeTargets']> => {
    const { activeTargets } = await prometheus.api<Targets>('targets', { state: 'active' });
    return activeTargets
      .filter(({ labels }) => labels['job'] === job)
      .toSorted((a, b) => ((a.labels['project'] ?? '') < (b.labels['project'] ?? '') ? -1 : 1));
  };
  const projectsOf = async (job: string): Promise<unknown[]> =>
    (await found(job)).map(({ labels }) => labels['project']);

  await eventually(async () => {
    const targets = await found();
    assert.deepEqual(await projectsOf('projects'), ['crm', 'hr', 'shop']);
    assert.deepEqual(await projectsOf('slow'), ['crm', 'hr', 'shop']);
    for (const { health, lastError } of targets) assert.equal(health, 'up', lastError);
  }, PATIENCE);
  for (const { labels, discoveredLabels, scrapeUrl } of await found()) {
    const project = labels['project'] ?? '';
    assert.deepEqual(labels, { instance: `127.0.0.1:${servePort}`, job: 'projects', project });
    assert.equal(discoveredLabels['__param_project'], project);
    assert.equal(discoveredLabels['__meta_orchestrator_project_name'], project);
    assert.equal(scrapeUrl, `http://127.0.0.1:${servePort}/metrics?project=${project}`);
  }

  for (const [index, { port }] of apps.entries())
    for (let request = 0; request <= index; request += 1) await get(port, '/');
  for (const [index, { project }] of apps.entries()) {
    const query = `sum(http_server_request_duration_seconds_count{job="projects",project="${project}"})`;
    await eventually(async () => assert.equal(await prometheus.value(query), index + 1), PATIENCE);
  }
  await eventually(
    async () => assert.equal(await prometheus.value('sum(orchestrator_project_instances)'), 3),
    PATIENCE,
  );

  // Its process ends, as a job of cron does: it stays, and is scraped, for as long as there are data of it.
  await apps.find(({ project }) => project === 'hr')?.app.end('SIGTERM');
  const ended = Date.now();
  await eventually(async () => {
    const lists = witness.quick.filter(({ atMs }) => atMs > ended);
    assert.ok(lists.length >= 3, 'not refreshed three times yet');
    for (const { projects } of lists) assert.deepEqual(projects, ['crm', 'hr', 'shop']);
    const hr = (await found()).find(({ labels }) => labels['project'] === 'hr');
    assert.equal(hr?.health, 'up');
    assert.ok(Date.parse(hr.lastScrape) > ended, 'not scraped since');
  }, PATIENCE);
  await eventually(
    async () =>
      assert.equal(await prometheus.value('orchestrator_project_instances{project="hr",job="serve"}'), 0),
    PATIENCE,
  );

  const { code, stderr } = await runProgram(['wipe', 'hr', '--yes'], {
    env: { ORCHESTRATOR_REDIS_URL: redis.url },
  });
  assert.equal(code, 0, stderr);
  const wiped = Date.now();
  const listsSince = (lists: readonly Listed[]): readonly Listed[] =>
    lists.filter(({ atMs }) => atMs > wiped);
  await eventually(async () => assert.deepEqual(await projectsOf('slow'), ['crm', 'shop']), PATIENCE);
  assert.equal(listsSince(witness.slow).length, 1, 'it took more than one refresh');
  for (const { projects } of [...listsSince(witness.slow), ...listsSince(witness.quick)])
    assert.deepEqual(projects, ['crm', 'shop']);
  await eventually(async () => assert.deepEqual(await projectsOf('projects'), ['crm', 'shop']), PATIENCE);
});
