import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { parse, parseAllDocuments } from 'yaml';

import { startProgram } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import { freePort } from '../../helpers/ports.js';
import { startRedis } from '../../helpers/redis.js';
import { PACKAGE_ROOT } from '../../helpers/scratch.js';
import { contents, copyApplication, startScript } from '../migrate/applications.js';
import { PROGRAM_FILE, runOrchestrator } from '../program.js';

const ENTER = '\r';
const DOWN = '\u001B[B';
const UP = '\u001B[A';
const CTRL_C = '\u0003';

interface Typed {
  readonly output: string;
  readonly status: number;
}

/** Runs `init` on a terminal: when it shows a text, keys are typed. */
async function typeInto(
  context: TestContext,
  folder: string,
  steps: ReadonlyArray<readonly [shows: string, keys: string]>,
): Promise<Typed> {
  const driver = join(PACKAGE_ROOT, 'test', 'fixtures', 'terminal', 'keys.py');
  const program = [process.execPath, PROGRAM_FILE, 'init'];
  const { stdout } = await startProgram(context, 'python3', [driver, JSON.stringify(steps), ...program], {
    cwd: folder,
    env: { TERM: 'xterm' },
  }).ending;
  const [, status = '', untyped = ''] = /STATUS (-?\d+) UNTYPED (\d+)\s*$/.exec(stdout) ?? [];
  assert.equal(untyped, '0', stdout);
  return { output: stdout, status: Number(status) };
}

interface KubernetesObject {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template?: {
      readonly spec: {
        readonly containers: ReadonlyArray<{
          readonly name: string;
          readonly env: ReadonlyArray<{ readonly name: string; readonly value?: string }>;
        }>;
      };
    };
  };
}

test('driven by keys: it asks, shows each change and writes it', async (context) => {
  const folder = copyApplication(context, 'shop');
  const own = 'DB_PASSWORD=hunter2\nSESSION_SALT=hunter3';
  writeFileSync(join(folder, '.env'), own, { mode: 0o600 });
  const { output, status } = await typeInto(context, folder, [
    ['Name of the project', ENTER],
    ['How is it started?', `${UP}${UP}${ENTER}`],
    ['Where are its processes summed?', DOWN + ENTER],
    ['Address of Redis', ENTER],
    ['Create a Redis user', `y`],
    ['How does Prometheus find it?', ENTER],
    ['Dashboards of Grafana', DOWN + ENTER],
    ['Write package.json?', 'y'],
    ['Write .env?', 'y'],
    ['Write orchestrator/redis-acl.txt?', 'y'],
    ['Write orchestrator/prometheus.yml?', 'y'],
    ['Write orchestrator/grafana-dashboards.yml?', 'n'],
  ]).catch((error: unknown) => assert.fail(String(error)));
  assert.equal(status, 1, output);
  const files = contents(folder);
  assert.match(
    files['package.json'] ?? '',
    /node --env-file\S*=\.env --require @org\/orchestrator\/register server\.js/,
  );
  const [, password = ''] =
    /ORCHESTRATOR_REDIS_URL=redis:\/\/shop-api:(\S+)@127\.0\.0\.1:6379/.exec(files['.env'] ?? '') ?? [];
  assert.ok(password.length > 20);
  assert.ok(files['orchestrator/redis-acl.txt']?.includes(` >${password} `));
  assert.doesNotMatch(output, new RegExp(password));
  assert.doesNotMatch(output, /hunter/, 'what was in the file before');
  assert.match(output, /\+ORCHESTRATOR_PREFIX=shop-api/);
  assert.match(files['.env'] ?? '', new RegExp(`^${own}\n`));
  assert.equal(files['.env.before-orchestrator'], own);
  assert.equal(files['orchestrator/grafana-dashboards.yml'], undefined);
  for (const file of ['.env', '.env.before-orchestrator', 'orchestrator/redis-acl.txt'])
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
});

test('Ctrl+C in the middle writes nothing', async (context) => {
  const folder = copyApplication(context, 'shop');
  const before = contents(folder);
  const { status, output } = await typeInto(context, folder, [
    ['Name of the project', ENTER],
    ['How is it started?', CTRL_C],
  ]);
  assert.ok(status === 130 || status === -2, `${status}: ${output}`);
  assert.match(output, /Nothing was written/);
  assert.deepEqual(contents(folder), before);
});

test('what it writes works: an application on a Redis with the user, scraped as it says', async (context) => {
  const redis = await startRedis(context);
  const folder = copyApplication(context, 'shop');
  const port = await freePort();
  const args = [
    'init',
    '--yes',
    '--start',
    'script',
    '--redis-url',
    redis.url,
    '--redis-user',
    '--prometheus-port',
    String(port),
  ];
  const { code, stdout, stderr } = await runOrchestrator(context, args, { cwd: folder });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /4 of 4 files were written/);
  const acl = readFileSync(join(folder, 'orchestrator', 'redis-acl.txt'), 'utf8');
  await redis.client().call(...(acl.trim().split(' ') as [string, ...string[]]));
  const app = startScript(context, folder, 'start', { PORT: '0' });
  await app.number('listening');
  const {
    scrape_configs: [scrape],
  } = parse(readFileSync(join(folder, 'orchestrator', 'prometheus.yml'), 'utf8')) as {
    scrape_configs: Array<{ params: { project: string[] }; static_configs: Array<{ targets: string[] }> }>;
  };
  const target = scrape?.static_configs[0]?.targets[0]?.replace('localhost', '127.0.0.1');
  await eventually(async () => {
    const response = await fetch(`http://${target}/metrics?project=${scrape?.params.project[0]}`);
    assert.equal(response.status, 200);
    assert.match(await response.text(), /^orchestrator_instances 1$/m);
  });
  assert.doesNotMatch(app.stderr, /warn/);

  const again = await runOrchestrator(context, args, { cwd: folder });
  assert.match(again.stdout, /nothing to write/);
  const doctor = await runOrchestrator(context, ['doctor', '--json'], { cwd: folder });
  const { findings } = JSON.parse(doctor.stdout) as { findings: Array<{ name: string }> };
  // Where the tests run in a container, its address is worth a warning.
  assert.deepEqual(
    findings.map(({ name }) => name).filter((name) => name !== 'endpoint-local'),
    [],
  );
});

test('PM2, Docker, Kubernetes: each file is valid, and a dry run writes none', async (context) => {
  const folder = copyApplication(context, 'fleet');
  const before = contents(folder);
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await runOrchestrator(context, ['init', '--yes', ...args], {
      cwd: folder,
    });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await run('--dry-run', '--start', 'pm2');
  assert.deepEqual(contents(folder), before);
  await run('--start', 'pm2', '--name', 'Fleet', '--redis-url', 'redis://:geheim@10.0.0.5:6379');
  const ecosystem = execFileSync(
    process.execPath,
    ['-p', 'JSON.stringify(require("./ecosystem.config.cjs"))'],
    { cwd: folder, encoding: 'utf8' },
  );
  const { apps } = JSON.parse(ecosystem) as {
    apps: Array<{ name: string; node_args?: string; env?: Record<string, string> }>;
  };
  for (const app of apps.slice(0, 2)) {
    assert.match(app.node_args ?? '', /^--require @org\/orchestrator\/register/);
    assert.equal(app.env?.['ORCHESTRATOR_PREFIX'], 'Fleet');
  }
  assert.equal(apps[2]?.node_args, undefined);
  assert.doesNotMatch(ecosystem, /geheim/);
  const target = ['--target', 'metrics.example.com:9460'];
  const said = await run(
    '--start',
    'kubernetes',
    '--grafana',
    'provisioning',
    '--prometheus',
    'http-sd',
    ...target,
  );
  assert.match(said, /orchestrator serve --port 9460$/m);
  const { scrape_configs: jobs } = parse(
    readFileSync(join(folder, 'orchestrator', 'prometheus.yml'), 'utf8'),
  ) as { scrape_configs: unknown };
  assert.match(JSON.stringify(jobs), /"url":"http:\/\/metrics\.example\.com:9460\/sd"/);
  assert.match(JSON.stringify(jobs), /"targets":\["metrics\.example\.com:9460"\]/);
  const objects = parseAllDocuments(
    readFileSync(join(folder, 'orchestrator', 'kubernetes.yaml'), 'utf8'),
  ).map((document) => (document.toJS() as { kind: string }).kind);
  assert.deepEqual(objects, ['Deployment', 'Service']);
  execFileSync('promtool', ['check', 'config', join(folder, 'orchestrator', 'prometheus.yml')]);
  const shop = copyApplication(context, 'shop');
  await runOrchestrator(context, ['init', '--yes', '--start', 'docker'], { cwd: shop });
  const dockerfile = contents(shop)['Dockerfile'] ?? '';
  assert.ok(dockerfile.indexOf('RUN npm ci') < dockerfile.indexOf('ENV NODE_OPTIONS'));
  assert.ok(dockerfile.indexOf('ENV ORCHESTRATOR_PREFIX=shop-api') < dockerfile.indexOf('CMD'));
});

test('a name of several words is one value in a Dockerfile, and the name of an object in Kubernetes', async (context) => {
  const folder = copyApplication(context, 'shop');
  for (const start of ['docker', 'kubernetes']) {
    const args = ['init', '--yes', '--start', start, '--name', '@acme/My "Shop"'];
    const { code, stderr } = await runOrchestrator(context, args, { cwd: folder });
    assert.equal(code, 0, stderr);
  }
  const dockerfile = contents(folder)['Dockerfile'] ?? '';
  assert.match(dockerfile, /^ENV ORCHESTRATOR_PREFIX="@acme\/My \\"Shop\\""$/m);
  const [deployment, service] = parseAllDocuments(
    readFileSync(join(folder, 'orchestrator', 'kubernetes.yaml'), 'utf8'),
  ).map((document) => document.toJS() as KubernetesObject);
  assert.equal(deployment?.metadata.name, 'acme-my-shop');
  const [container] = deployment?.spec.template?.spec.containers ?? [];
  assert.equal(container?.name, 'acme-my-shop');
  assert.ok(
    container?.env.some(({ name, value }) => name === 'ORCHESTRATOR_PREFIX' && value === '@acme/My "Shop"'),
  );
  assert.equal(service?.metadata.name, 'acme-my-shop-metrics');
});

test('in a pipe without --yes it says what to do', async (context) => {
  const folder = copyApplication(context, 'shop');
  const { code, stderr } = await runOrchestrator(context, ['init'], { cwd: folder });
  assert.equal(code, 64);
  assert.match(stderr, /Nobody can be asked here.* --yes/);
});
