import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { test, type TestContext } from 'node:test';

import { Deployment } from 'kubernetes-models/apps/v1';
import { Pod, Service } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';

import { codeBlocks, readPage } from '../docs/pages.js';
import { type AppProcess, startApp, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { Exposition } from '../helpers/exposition.js';
import { freePort } from '../helpers/ports.js';
import { get } from '../helpers/scrape.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { typeErrors } from '../helpers/typed-json.js';
import { newFilledStore, traffic } from './filled-store.js';
import { PROGRAM_FILE } from './program.js';

/** The service, the sidecar and the Deployment of docs/command-line.md: valid, and they do what the page says. */

const page = readPage('docs/command-line.md');

interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly env: ReadonlyArray<{
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly secretKeyRef: { readonly key: string } };
  }>;
  readonly readinessProbe?: { readonly httpGet: { readonly path: string } };
  readonly livenessProbe?: { readonly httpGet: { readonly path: string } };
  readonly ports?: ReadonlyArray<{ readonly name: string; readonly containerPort: number }>;
  readonly volumeMounts?: ReadonlyArray<{ readonly mountPath: string; readonly readOnly?: boolean }>;
}

interface Manifest {
  readonly kind: string;
  readonly spec: {
    readonly containers?: readonly Container[];
    readonly template?: { readonly spec: { readonly containers: readonly Container[] } };
  };
}

const MANIFESTS: readonly Manifest[] = codeBlocks(page, 'yaml')
  .flatMap((block) => parseAllDocuments(block).map((document) => document.toJS() as Manifest))
  .filter(({ kind }) => kind !== undefined);

function manifest(kind: string): Manifest {
  const found = MANIFESTS.find((one) => one.kind === kind);
  assert.ok(found !== undefined, `the page has no ${kind}`);
  return found;
}

/** The variables of a container; values of secrets are given. */
function variablesOf({ env }: Container, secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    env.map(({ name, value, valueFrom }) => {
      const found = value ?? secrets[valueFrom?.secretKeyRef.key ?? ''];
      assert.ok(found !== undefined, name);
      return [name, found];
    }),
  );
}

/** Runs the program of a command line that names it as npm installs it. */
async function startServing(
  t: TestContext,
  [program = '', ...words]: readonly string[],
  env: Readonly<Record<string, string>>,
  before: readonly string[] = [],
): Promise<{ port: number; process: AppProcess }> {
  const { bin } = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    bin: Record<string, string>;
  };
  const installed = [
    './node_modules/.bin/orchestrator',
    `node_modules/@org/orchestrator/${bin['orchestrator']}`,
  ];
  assert.ok(
    installed.some((path) => program.endsWith(path)),
    program,
  );
  // The port of the page may be taken on this machine.
  const port = await freePort();
  const all = { ...env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) };
  const [command = '', ...line] = [...before, process.execPath, PROGRAM_FILE, ...words];
  const started = startProgram(t, command, line, { env: all, cwd: scratchDir(t, 'empty') });
  await started.waitForStderr(/ serves /);
  return { port, process: started };
}

test('the manifests of the page are valid, and have no key that Kubernetes does not know', (t) => {
  assert.deepEqual(
    MANIFESTS.map(({ kind }) => kind),
    ['Pod', 'Deployment', 'Service'],
  );
  new Pod(manifest('Pod') as never).validate();
  new Deployment(manifest('Deployment') as never).validate();
  new Service(manifest('Service') as never).validate();
  const texts = new Map(MANIFESTS.map((one) => [one.kind, JSON.stringify(one, undefined, 2)]));
  const types = { types: 'test/stack/kubernetes-object.js', type: 'KubernetesObject' };
  assert.deepEqual(typeErrors(t, types, texts), new Map());
});

test('the scrape configuration of the page is one that Prometheus takes', (t) => {
  const blocks = codeBlocks(page, 'yaml').filter((block) =>
    /^scrape_configs:|^ +relabel_configs:/m.test(block),
  );
  const [whole = '', relabeling = ''] = blocks;
  assert.equal(blocks.length, 2);
  const file = join(scratchDir(t, 'prometheus'), 'prometheus.yml');
  // The second block belongs to the first job of the first one.
  const [first = '', second = ''] = whole.split(/^(?= {2}- job_name: orchestrator-serve)/m);
  for (const text of [whole, `${first}${relabeling}\n${second}`]) {
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', file], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  }
});

test('the unit of systemd is valid', (t) => {
  const [unit = ''] = codeBlocks(page, 'ini');
  const file = join(scratchDir(t, 'unit'), 'orchestrator-serve.service');
  // Its Node.js may be elsewhere on this machine.
  writeFileSync(file, unit.replace('/usr/bin/node', process.execPath));
  const verify = (): { status: number | null; output: string } => {
    const { status, stderr, stdout } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    const own = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('orchestrator-serve'));
    return { status, output: own.join('\n') };
  };
  assert.deepEqual(verify(), { status: 0, output: '' });
  writeFileSync(file, `${unit}\n[Service]\nProtectSytem=strict\n`);
  assert.match(verify().output, /ProtectSytem/);
});

test('the unit of systemd serves with the environment and the credential that it names', async (t) => {
  const [unit = ''] = codeBlocks(page, 'ini');
  const valueOf = (key: string): string => new RegExp(`^${key}=(.+)$`, 'm').exec(unit)?.[1] ?? '';
  const store = await newFilledStore(t, 'redis');
  await store.instance('shop').send(traffic(2));
  const etc = scratchDir(t, 'etc');
  writeFileSync(join(etc, 'serve.env'), `ORCHESTRATOR_REDIS_URL=${store.env['ORCHESTRATOR_REDIS_URL']}\n`);
  const [credential = ''] = valueOf('LoadCredential').split(':');
  mkdirSync(join(etc, 'credentials'));
  writeFileSync(join(etc, 'credentials', credential), 'a-token-of-the-unit\n', { mode: 0o400 });
  assert.equal(valueOf('EnvironmentFile'), '/etc/orchestrator/serve.env');
  const [name = '', value = ''] = valueOf('Environment').split('=');
  const env = {
    ...(parseEnv(readFileSync(join(etc, 'serve.env'), 'utf8')) as Record<string, string>),
    [name]: value.replace('%d', join(etc, 'credentials')),
  };
  const [node, ...line] = valueOf('ExecStart').split(' ');
  assert.equal(node, '/usr/bin/node');
  const { port, process: serving } = await startServing(t, line, env);
  assert.equal((await get(port, '/sd')).status, 401);
  const headers = { authorization: 'Bearer a-token-of-the-unit' };
  const scraped = await get(port, '/metrics?project=shop', { headers });
  assert.equal(new Exposition(scraped.body).sum('jobs_done_total'), 2);
  // As systemd stops it.
  assert.deepEqual(await serving.end('SIGTERM').then(({ code }) => code), 0);
});

test('the sidecar serves what the application beside it writes, on a mount that it may only read', async (t) => {
  const [app, sidecar] = manifest('Pod').spec.containers ?? [];
  assert.ok(app !== undefined && sidecar !== undefined);
  const volume = scratchDir(t, 'volume');
  const here = (variables: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(variables).map(([key, value]) => [key, value.replace(/^\/metrics$/, volume)]),
    );
  const running = startApp(t, 'server.cjs', {
    env: { ...here(variablesOf(app, {})), OTEL_METRIC_EXPORT_INTERVAL: '300' },
  });
  const appPort = await running.number('listening');
  assert.deepEqual(sidecar.volumeMounts, [{ name: 'metrics', mountPath: '/metrics', readOnly: true }]);
  const mount = `mount --bind "${volume}" "${volume}" && mount -o remount,ro,bind "${volume}" && exec "$@"`;
  const before = process.getuid?.() === 0 ? ['unshare', '--mount', 'sh', '-c', mount, 'sh'] : [];
  const { port } = await startServing(t, sidecar.command ?? [], here(variablesOf(sidecar, {})), before);
  await get(appPort, '/');
  await eventually(async () => {
    const { status, body } = await get(port, '/metrics?project=shop');
    assert.equal(status, 200, body);
    assert.equal(new Exposition(body).sum('http_server_request_duration_seconds_count'), 1);
  });
  assert.equal((await get(port, sidecar.readinessProbe?.httpGet.path ?? '')).status, 200);
  assert.deepEqual(sidecar.ports, [{ name: 'metrics', containerPort: 9464 }]);
});

test('the Deployment serves with its secrets, and its probes are answered without them', async (t) => {
  const [container] = manifest('Deployment').spec.template?.spec.containers ?? [];
  assert.ok(container !== undefined);
  const store = await newFilledStore(t, 'redis');
  await store.instance('shop').send(traffic(2));
  const secrets = { 'redis-url': store.env['ORCHESTRATOR_REDIS_URL'] ?? '', token: 'a-token-of-the-secret' };
  const { port } = await startServing(t, container.command ?? [], variablesOf(container, secrets));
  for (const probe of [container.readinessProbe, container.livenessProbe])
    assert.equal((await get(port, probe?.httpGet.path ?? '')).status, 200);
  assert.equal((await get(port, '/sd')).status, 401);
  const headers = { authorization: 'Bearer a-token-of-the-secret' };
  assert.match((await get(port, '/sd', { headers })).body, /"project": "shop"/);
});
