import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';

import type { AppProcess } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import { onEnd } from '../../helpers/owner.js';
import { Pm2 } from '../../helpers/pm2.js';
import { freePort } from '../../helpers/ports.js';
import { startPrometheusIn } from '../../helpers/prometheus.js';
import { scratchDir } from '../../helpers/scratch.js';
import { runOrchestrator } from '../program.js';
import { contents, copyApplication, startScript } from './applications.js';

/** Three applications as they are found; what `migrate` says to each, does to it, and how it runs afterwards. */

interface Plan {
  readonly metrics: ReadonlyArray<{ readonly old: string; readonly new: string | null }>;
  readonly changes: ReadonlyArray<{ readonly file: string; readonly backup: string | null }>;
  readonly queries: ReadonlyArray<{
    readonly after: string;
    readonly file: string;
    readonly line: number;
    readonly refused: string[];
  }>;
  readonly byHand: ReadonlyArray<{ readonly place: { file: string; line: number }; readonly text: string }>;
}

async function planOf(context: TestContext, folder: string, ...flags: string[]): Promise<Plan> {
  const args = ['migrate', '--folder', folder, '--json', ...flags];
  const { code, stdout, stderr } = await runOrchestrator(context, args);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as Plan;
}

/** The dry run writes nothing and says the same as the run; that one leaves backups; a second one changes nothing. */
async function migrated(context: TestContext, folder: string, ...flags: string[]): Promise<Plan> {
  const before = contents(folder);
  const planned = await planOf(context, folder, '--dry-run', ...flags);
  assert.deepEqual(contents(folder), before, 'the dry run');
  const done = await planOf(context, folder, ...flags);
  const withoutBackups = (plan: Plan): unknown => ({
    ...plan,
    dryRun: undefined,
    changes: plan.changes.map((change) => ({ ...change, backup: undefined })),
  });
  assert.deepEqual(withoutBackups(done), withoutBackups(planned), 'the dry run lists what the run does');
  const after = contents(folder);
  for (const { file, backup } of done.changes) {
    assert.notEqual(after[file], before[file]);
    if (backup === null) assert.equal(before[file], undefined, file);
    else assert.equal(after[backup], before[file], backup);
  }
  const again = await planOf(context, folder, ...flags);
  assert.deepEqual(again.changes, []);
  assert.deepEqual(contents(folder), after, 'the second run');
  const { stdout } = await runOrchestrator(context, ['migrate', '--folder', folder, ...flags]);
  assert.match(stdout, /Nothing to change: what can be changed safely is as it should be\.\n$/);
  assert.deepEqual(contents(folder), after, 'the third run');
  return done;
}

const newName = ({ metrics }: Plan, old: string): string | null | undefined =>
  metrics.find((metric) => metric.old === old)?.new;
const places = ({ byHand }: Plan): string[] => byHand.map(({ place }) => `${place.file}:${place.line}`);

interface Running {
  readonly app: string;
  readonly ours: string;
}

async function settingsFor(context: TestContext): Promise<{ env: Record<string, string>; port: number }> {
  const port = await freePort();
  const env = {
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_METRIC_EXPORT_INTERVAL: '200',
    ORCHESTRATOR_LOCAL_DIR: scratchDir(context, 'store'),
  };
  return { env, port };
}

async function start(
  context: TestContext,
  folder: string,
  extra: Record<string, string> = {},
): Promise<Running & { process: AppProcess }> {
  const { env, port } = await settingsFor(context);
  const process = startScript(context, folder, 'start', { ...env, PORT: '0', ...extra });
  const listening = await process.number('listening');
  return { app: `http://127.0.0.1:${listening}`, ours: `http://127.0.0.1:${port}/metrics`, process };
}

async function text(url: string): Promise<string> {
  const response = await fetch(url);
  assert.equal(response.status, 200, url);
  return response.text();
}

/** HTTP and runtime metrics at our endpoint. */
async function assertMeasured(url: string, route: RegExp): Promise<void> {
  await eventually(async () => {
    const exposition = await text(url);
    assert.match(exposition, route);
    assert.match(exposition, /^nodejs_eventloop_utilization_ratio\{/m);
    assert.match(exposition, /^process_memory_usage_bytes\{/m);
  });
}

/** Each query that was rewritten returns data from a real Prometheus that scrapes the application. */
async function assertQueriesAnswer(
  context: TestContext,
  folder: string,
  url: string,
  { queries }: Plan,
): Promise<void> {
  const { stdout } = await promisify(execFile)('promtool', [
    'check',
    'rules',
    join(folder, 'grafana/rules.yml'),
  ]);
  assert.match(stdout, /SUCCESS: 2 rules found/);
  const dir = scratchDir(context, 'prometheus');
  const { host } = new URL(url);
  const job = { job_name: 'shop', static_configs: [{ targets: [host] }] };
  writeFileSync(
    join(dir, 'prometheus.yml'),
    JSON.stringify({ global: { scrape_interval: '1s' }, scrape_configs: [job] }),
  );
  const prometheus = await startPrometheusIn(context, dir, await freePort());
  const rewritten = queries.filter(({ refused }) => refused.length === 0).map(({ after }) => after);
  const expressions = rewritten
    .map((query) => query.replaceAll('$job', 'shop').replaceAll('$__rate_interval', '1m'))
    .map((query) => /^label_values\((.*), (\w+)\)$/.exec(query)?.slice(1) ?? [query])
    .map(([query = '', label]) => (label === undefined ? query : `count by (${label}) (${query})`))
    // What is compared is there, whether it is much or little; no request of the test has failed.
    .map((query) => query.replace(/ *\n? *> [\de.]+\s*$/, '').replace('=~"5.."', '=~"2.."'));
  assert.equal(expressions.length, 6);
  for (const query of expressions)
    await eventually(async () => assert.notDeepEqual(await prometheus.query(query), [], query), {
      everyMs: 300,
    });
}

test('prom-client and express-prom-bundle: a shop with dashboards, rules and an image', async (context) => {
  const folder = copyApplication(context, 'shop');
  const plan = await migrated(context, folder, '--dashboards', join(folder, 'grafana'));
  assert.equal(newName(plan, 'http_request_duration_seconds'), 'http_server_request_duration_seconds');
  assert.equal(newName(plan, 'process_resident_memory_bytes'), 'process_memory_usage_bytes');
  for (const own of ['shop_orders_total', 'shop_basket_items', 'shop_payment_seconds'])
    assert.equal(newName(plan, own), own);
  assert.equal(newName(plan, 'process_open_fds'), null);
  assert.deepEqual(
    plan.changes.map(({ file }) => file),
    ['package.json', '.env.example', 'grafana/rules.yml', 'grafana/shop.json'],
  );
  assert.equal(plan.queries.filter(({ refused }) => refused.length === 0).length, 6);
  assert.equal(plan.queries.filter(({ refused }) => refused.length > 0).length, 2);
  assert.deepEqual(places(plan), ['metrics.js:20', 'server.js:9', 'package.json:7', 'Dockerfile:5']);
  const { '.env.example': example = '' } = contents(folder);
  assert.match(example, /^PORT=3000$/m);
  assert.match(example, /^ORCHESTRATOR_PREFIX=shop-api$/m);
  assert.match(example, /^ORCHESTRATOR_HTTP_BUCKETS=0\.05,0\.25,1$/m);

  const { app, ours } = await start(context, folder, { ORCHESTRATOR_HTTP_BUCKETS: '0.05,0.25,1' });
  assert.equal((await fetch(`${app}/orders/NL`, { method: 'POST' })).status, 201);
  await assertMeasured(
    ours,
    /^http_server_request_duration_seconds_bucket\{[^}]*http_route="\/orders\/:country"[^}]*le="0.25"\} 1$/m,
  );
  await assertQueriesAnswer(context, folder, ours, plan);
  const own = await text(`${app}/metrics`);
  assert.match(own, /^shop_orders_total\{country="NL"\} 1$/m);
  assert.match(own, /^http_request_duration_seconds_count\{status_code="201",method="POST"/m);
});

test('prometheus-api-metrics and @pm2/io under PM2: two web processes', async (context) => {
  const folder = copyApplication(context, 'fleet');
  const plan = await migrated(context, folder);
  assert.deepEqual(
    plan.changes.map(({ file }) => file),
    ['package.json', 'ecosystem.config.cjs', '.env.example'],
  );
  assert.equal(newName(plan, 'http_response_size_bytes'), 'http_server_response_body_size_bytes');
  assert.equal(newName(plan, 'fleet_trips_total'), 'fleet_trips_total');
  assert.equal(newName(plan, 'pm2_cpu'), undefined);
  assert.deepEqual(places(plan), ['collector.js:3', 'server.js:8']);

  const { env, port } = await settingsFor(context);
  const webPort = await freePort();
  const pm2 = new Pm2(scratchDir(context, 'pm2'));
  onEnd(context, async () => void (await pm2.command(['kill', '--silent'])));
  await pm2.command(['start', join(folder, 'ecosystem.config.cjs'), '--only', 'fleet-web', '--silent'], {
    ...env,
    FLEET_PORT: String(webPort),
  });
  pm2.adopt();
  const app = `http://127.0.0.1:${webPort}`;
  await eventually(async () => {
    assert.equal((await fetch(`${app}/trips/7`)).status, 200);
    assert.match(await text(`http://127.0.0.1:${port}/metrics`), /^orchestrator_instances 2$/m);
  });
  await assertMeasured(
    `http://127.0.0.1:${port}/metrics`,
    /^http_server_request_duration_seconds_count\{[^}]*http_route="\/trips\/:id"/m,
  );
  await eventually(async () => {
    assert.match(await text(`${app}/internal/metrics`), /^fleet_trips_total \d+$/m);
  });
});

test('OpenTelemetry by hand, in ES modules', async (context) => {
  const folder = copyApplication(context, 'billing');
  const plan = await migrated(context, folder);
  assert.deepEqual(
    plan.changes.map(({ file }) => file),
    ['package.json', '.env.example'],
  );
  assert.equal(newName(plan, 'billing.invoices'), 'billing.invoices');
  assert.deepEqual(places(plan), ['telemetry.js:5', 'telemetry.js:8', 'telemetry.js:10']);

  const exporterPort = await freePort();
  const { app, ours, process } = await start(context, folder, { BILLING_METRICS_PORT: String(exporterPort) });
  await fetch(`${app}/`, { method: 'POST' });
  await assertMeasured(
    ours,
    /^http_server_request_duration_seconds_count\{[^}]*http_request_method="POST"[^}]*\} 1$/m,
  );
  assert.match(await text(`http://127.0.0.1:${exporterPort}/metrics`), /^billing_invoices_total\{.*\} 1$/m);
  assert.match(process.stderr, /StoreMetricReader/, 'how its own instruments come into the sum');
});

test('an application that measures with none of them: nothing to migrate, nothing written', async (context) => {
  const folder = copyApplication(context, 'billing');
  for (const file of ['telemetry.js', 'app.js']) rmSync(join(folder, file));
  const manifest = join(folder, 'package.json');
  rmSync(manifest);
  const before = contents(folder);
  const { code, stdout } = await runOrchestrator(context, ['migrate', '--folder', folder]);
  assert.equal(code, 0);
  assert.match(stdout, /^Nothing to migrate/);
  assert.deepEqual(contents(folder), before);
});

test('the text names what was found, changed and left; a folder that is not there is a clear error', async (context) => {
  const folder = copyApplication(context, 'shop');
  const { stdout } = await runOrchestrator(context, ['migrate', '--dry-run', '--folder', folder]);
  assert.match(stdout, /express-prom-bundle \(server\.js:2 loads express-prom-bundle\)/);
  assert.match(
    stdout,
    /\+ .*"start": "NODE_ENV=production node --require @org\/orchestrator\/register server\.js"/,
  );
  assert.match(stdout, /Dockerfile:5 {2}Starts Node without the preload/);
  assert.match(stdout, /Nothing was written/);
  const missing = await runOrchestrator(context, ['migrate', '--folder', join(folder, 'nowhere')]);
  assert.equal(missing.code, 66);
  assert.match(missing.stderr, /--folder: there is no folder .*nowhere/);
});
