import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { startShop, type Shop } from '../dashboards/shop.js';
import { Serving } from '../cli/running-program.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startPrometheusIn, type Prometheus } from '../helpers/prometheus.js';
import { get } from '../helpers/scrape.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { OtlpReceiver } from '../instrumentation/spans/otlp-receiver.js';
import { startAlertmanager, type Alertmanager } from './alertmanager.js';
import { startGateway, type Gateway } from './nginx.js';
import { STACK_FOLDER } from './stack-folder.js';

/**
 * What the profile `gateway` runs in containers, as plain processes: nginx in front of three processes of the shop, Redis,
 * PostgreSQL, Prometheus and Alertmanager, with the files of `examples/stack`. Only addresses and intervals are replaced.
 */

interface Stack {
  readonly shop: Shop;
  readonly gateway: Gateway;
  readonly prometheus: Prometheus;
  readonly alertmanager: Alertmanager;
  readonly traces: OtlpReceiver;
}

interface Targets {
  readonly activeTargets: ReadonlyArray<{
    readonly health: string;
    readonly lastError: string;
    readonly labels: Readonly<Record<string, string>>;
  }>;
}

const HOME_VISITS = 90;

void suite('the stack as plain processes', () => {
  const started = startStack({ after });

  test('one target for the project, and it is up; the rules load; Alertmanager is connected', async () => {
    const { prometheus } = await started;
    await eventually(
      async () => {
        const { activeTargets } = await prometheus.api<Targets>('targets', { state: 'active' });
        for (const { health, lastError, labels } of activeTargets)
          assert.equal(health, 'up', `${labels['job']}: ${lastError}`);
        const jobs = activeTargets.map(({ labels }) => labels['job']);
        // The shop, which `serve` knows as well, is one target all the same.
        assert.deepEqual(
          new Set(jobs),
          new Set(['alertmanager', 'orchestrator-serve', 'prometheus', 'shop']),
        );
        assert.equal(jobs.length, 4);
        const { groups } = await prometheus.api<{ groups: ReadonlyArray<{ file: string }> }>('rules');
        assert.equal(new Set(groups.map(({ file }) => file)).size, 6);
        const { activeAlertmanagers } = await prometheus.api<{ activeAlertmanagers: object[] }>(
          'alertmanagers',
        );
        assert.equal(activeAlertmanagers.length, 1);
      },
      { deadlineMs: 60_000, everyMs: 500 },
    );
  });

  test('serve shows the project, and a second one on the same Redis becomes a target', async () => {
    const { shop, prometheus } = await started;
    await eventually(
      async () => assert.equal(await prometheus.value('orchestrator_project_instances{project="shop"}'), 3),
      { everyMs: 500 },
    );
    shop.run('worker.js', [], { ORCHESTRATOR_PREFIX: 'billing' });
    await eventually(
      async () => assert.equal(await prometheus.value('up{job="billing",project="billing"}'), 1),
      {
        deadlineMs: 60_000,
        everyMs: 500,
      },
    );
    assert.equal(await prometheus.value('count(up{project="shop"})').catch(() => 0), 0);
  });

  test('three replicas behind nginx count every request once', async () => {
    const { gateway, prometheus } = await started;
    for (let visit = 0; visit < HOME_VISITS; visit++)
      assert.equal((await get(gateway.port, '/')).status, 200);
    const query = 'sum(http_server_request_duration_seconds_count{job="shop",http_route="/"})';
    await eventually(async () => assert.equal(await prometheus.value(query), HOME_VISITS), {
      everyMs: 500,
    });
    assert.equal(await prometheus.value('max(orchestrator_instances{job="shop"})'), 3);
  });

  test('the answer is the same whichever replica gives it, and through nginx', async () => {
    const { shop, gateway } = await started;
    const ports = [
      ...shop.ports.map(({ metrics }) => metrics),
      ...[1, 2, 3, 4].map(() => gateway.metricsPort),
    ];
    const answers = await Promise.all(ports.map((port) => counted(port)));
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0]?.length, 1);
  });

  test('nginx shows the metrics to Prometheus and not to visitors', async () => {
    const { gateway } = await started;
    assert.equal((await get(gateway.port, '/metrics')).status, 404);
    assert.equal((await get(gateway.metricsPort, '/')).status, 404);
    assert.equal((await get(gateway.metricsPort, '/wipe-metrics', { method: 'POST' })).status, 404);
  });

  test("log lines carry the ids of the caller's trace, and the spans arrive", async () => {
    const { shop, gateway, traces } = await started;
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { status } = await get(gateway.port, '/orders', {
      method: 'POST',
      body: JSON.stringify({ product: 1 }),
      headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    assert.equal(status, 201);
    const line = await eventually(() => {
      const lines = shop.webs.flatMap((web) => web.stdout.split('\n'));
      const found = lines.find((one) => one.includes(traceId));
      assert.ok(found !== undefined, 'no line with the trace id');
      return JSON.parse(found) as Record<string, unknown>;
    });
    assert.equal(line['msg'], 'ordered');
    assert.equal(line['trace_id'], traceId);
    await eventually(() => {
      const spans = traces.spans.filter((span) => span.traceId === traceId);
      assert.ok(
        spans.some((span) => span.spanId === line['span_id']),
        `no span ${String(line['span_id'])} among ${spans.length}`,
      );
    });
  });

  test('a planted fault fires its alert in Alertmanager, for those who are on call', async () => {
    const { shop, gateway, alertmanager } = await started;
    const visitors = shop.visit(gateway.port, 25, 2);
    const alert = await eventually(
      async () => {
        const alerts = await alertmanager.alerts();
        const found = alerts.find(({ labels }) => labels['alertname'] === 'ErrorBudgetBurnFast');
        assert.ok(found !== undefined, `only ${alerts.map(({ labels }) => labels['alertname']).join(', ')}`);
        return found;
      },
      { deadlineMs: 120_000, everyMs: 1000 },
    );
    await visitors.end();
    assert.equal(alert.labels['job'], 'shop');
    assert.deepEqual(alert.receivers, [{ name: 'pages' }]);
    assert.match(
      alert.annotations['summary'] ?? '',
      /^shop answers \d+(?:\.\d+)?% of its requests with an error$/,
    );
  });

  test('two of three replicas end: nothing that was counted goes', async () => {
    const { shop, gateway } = await started;
    const [, second, third] = shop.webs;
    const before = await settled(gateway.metricsPort);
    await Promise.all([second?.end('SIGKILL'), third?.end('SIGTERM')]);
    for (let attempt = 0; attempt < 3; attempt++)
      assert.deepEqual(await counted(gateway.metricsPort), before);
  });
});

/** The requests for `/`: nobody but these tests asks for it before the visitors come. */
async function counted(port: number): Promise<string[]> {
  const { status, body } = await get(port, '/metrics');
  assert.equal(status, 200);
  return body
    .split('\n')
    .filter(
      (line) => line.startsWith('http_server_request_duration_seconds_sum{') && /http_route="\/"/.test(line),
    );
}

/** The same, when all replicas have handed over what they had. */
async function settled(port: number): Promise<string[]> {
  return eventually(async () => {
    const first = await counted(port);
    // Longer than the replicas keep anything to themselves.
    await sleep(3000);
    const second = await counted(port);
    assert.deepEqual(second, first);
    return second;
  });
}

async function startStack(owner: Owner): Promise<Stack> {
  const traces = new OtlpReceiver();
  onEnd(owner, () => traces.close());
  const endpoint = await traces.listen();
  const shop = await startShop(owner, {
    webs: 3,
    env: {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces`,
      OTEL_BSP_SCHEDULE_DELAY: '500',
    },
  });
  const [gateway, alertmanager] = await Promise.all([
    startGateway(owner, shop.ports),
    startAlertmanager(owner, join(STACK_FOLDER, 'alertmanager', 'alertmanager.yml')),
  ]);
  const serving = new Serving(owner, ['--refresh', '1s'], { ORCHESTRATOR_REDIS_URL: shop.redis.url });
  const prometheus = await startShippedPrometheus(owner, gateway, alertmanager, await serving.port());
  return { shop, gateway, prometheus, alertmanager, traces };
}

/** Prometheus with the shipped configuration, targets and rules. */
async function startShippedPrometheus(
  owner: Owner,
  gateway: Gateway,
  alertmanager: Alertmanager,
  servePort: number,
): Promise<Prometheus> {
  const dir = scratchDir(owner, 'prometheus');
  const port = await freePort();
  const from = join(STACK_FOLDER, 'prometheus');
  const config = readFileSync(join(from, 'prometheus.yml'), 'utf8')
    .replaceAll('alertmanager:9093', `127.0.0.1:${alertmanager.port}`)
    .replaceAll('localhost:9090', `127.0.0.1:${port}`)
    .replaceAll('serve:9464', `127.0.0.1:${servePort}`)
    .replaceAll(/_interval: (?:15|30)s/g, '_interval: 3s');
  writeFileSync(join(dir, 'prometheus.yml'), config);
  mkdirSync(join(dir, 'targets'));
  const targets = readFileSync(join(from, 'targets', 'gateway.yml'), 'utf8');
  writeFileSync(
    join(dir, 'targets', 'projects.yml'),
    targets.replace('gateway:9464', `127.0.0.1:${gateway.metricsPort}`),
  );
  const rules = join(PACKAGE_ROOT, 'dashboards', 'rules');
  mkdirSync(join(dir, 'rules'));
  for (const file of readdirSync(rules).filter((one) => one.endsWith('.yml')))
    cpSync(join(rules, file), join(dir, 'rules', file));
  return startPrometheusIn(owner, dir, port);
}
