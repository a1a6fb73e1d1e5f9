import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { startProgram, type AppProcess, type Environment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { forgetChild, killWithThisProcess, onEnd } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { get, scrape } from '../helpers/scrape.js';
import { codeBlocks, readPage } from './pages.js';

/** Every `sh` block of the README in its order; what is not run here is run by `test/e2e/nodes.test.ts`. */
const BLOCKS = {
  install: 'npm install @org/orchestrator',
  preload: 'ORCHESTRATOR_PREFIX=shop node --require @org/orchestrator/register app.js',
  look: 'curl -s localhost:9464/metrics | grep http_server_request_duration_seconds_count',
  quickstart: 'npm ci && npm start',
  redis:
    'ORCHESTRATOR_PREFIX=shop ORCHESTRATOR_REDIS_URL=redis://127.0.0.1:6379 node --require @org/orchestrator/register app.js',
  esm: 'ORCHESTRATOR_PREFIX=shop node --import @org/orchestrator/register app.mjs',
  options: "ORCHESTRATOR_PREFIX=shop NODE_OPTIONS='--require @org/orchestrator/register' npm run serve",
} as const;

const REQUESTS = 'http_server_request_duration_seconds_count';

test('the commands of the README are those that are run here', () => {
  assert.deepEqual(codeBlocks(readPage('README.md'), 'sh'), Object.values(BLOCKS));
});

interface Shell {
  readonly app: AppProcess;
  readonly port: number;
  readonly metricsPort: number;
  /** What Ctrl-C does: the signal reaches every process of the command. */
  readonly interrupt: () => void;
}

async function run(t: TestContext, command: string, cwd: string, env: Environment = {}): Promise<Shell> {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const localDir = scratchDir(t, 'local');
  const app = startProgram(t, 'setsid', ['sh', '-c', command], {
    cwd,
    env: {
      PORT: String(port),
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      ORCHESTRATOR_LOCAL_DIR: localDir,
      ...env,
    },
  });
  // All of the group: a shell that is killed leaves behind what it has started.
  killWithThisProcess(-app.pid);
  onEnd(t, () => endGroup(app.pid));
  return { app, port, metricsPort, interrupt: () => killGroup(app.pid, 'SIGINT') };
}

async function endGroup(pid: number): Promise<void> {
  killGroup(pid, 'SIGKILL');
  await eventually(() => assert.ok(!groupIsAlive(pid)));
  forgetChild(-pid);
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // All of them have ended.
  }
}

function groupIsAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}

/** A reader's own project, with this package installed. */
function project(t: TestContext): string {
  const dir = scratchDir(t, 'readme');
  mkdirSync(join(dir, 'node_modules', '@org'), { recursive: true });
  symlinkSync(PACKAGE_ROOT, join(dir, 'node_modules', '@org', 'orchestrator'));
  const listen =
    "createServer((request, response) => response.end('ok')).listen(process.env.PORT, '127.0.0.1');\n";
  writeFileSync(join(dir, 'app.js'), `const { createServer } = require('node:http');\n${listen}`);
  writeFileSync(join(dir, 'app.mjs'), `import { createServer } from 'node:http';\n${listen}`);
  writeFileSync(join(dir, 'package.json'), '{ "name": "shop", "scripts": { "serve": "node app.js" } }\n');
  return dir;
}

/** The application answers, its request is counted. */
async function assertMeasured(shell: Shell): Promise<void> {
  await eventually(() => get(shell.port, '/'));
  await eventually(async () => assert.equal((await scrape(shell.metricsPort)).sum(REQUESTS), 1));
}

/** Ctrl-C ends all of it, without a word. */
async function assertEnds(shell: Shell, store: RegExp): Promise<void> {
  shell.interrupt();
  const { stderr } = await shell.app.ending;
  assert.match(stderr, store);
  assert.doesNotMatch(stderr, /warn:|^\s+at /m);
  await eventually(() => assert.ok(!groupIsAlive(shell.app.pid)));
}

test('the preload, and what curl then shows', async (t) => {
  const shell = await run(t, BLOCKS.preload, project(t));
  await assertMeasured(shell);
  const look = BLOCKS.look.replace('9464', String(shell.metricsPort));
  const { code, stdout } = await startProgram(t, 'sh', ['-c', look], { cwd: '/' }).ending;
  assert.equal(code, 0);
  assert.match(stdout, /^http_server_request_duration_seconds_count\{.*http_route="\/".*\} 1$/m);
  await assertEnds(shell, /store local/);
});

test('Redis', async (t) => {
  const redis = await startRedis(t);
  const shell = await run(t, BLOCKS.redis.replace('redis://127.0.0.1:6379', redis.url), project(t));
  await assertMeasured(shell);
  await assertEnds(shell, /store redis/);
});

test('ESM', async (t) => {
  const shell = await run(t, BLOCKS.esm, project(t));
  await assertMeasured(shell);
  await assertEnds(shell, /store local/);
});

test('NODE_OPTIONS', async (t) => {
  const shell = await run(t, BLOCKS.options, project(t));
  await assertMeasured(shell);
  await assertEnds(shell, /store local/);
});

test('npm start: the quickstart counts what it sends, over all workers, and ends with Ctrl-C', async (t) => {
  const shell = await run(t, BLOCKS.quickstart.replace('npm ci && ', ''), PACKAGE_ROOT);
  const [, sent, counted] = await shell.app.waitFor(/(\d+) requests sent to 4 workers, (\d+) counted/);
  assert.equal(counted, sent);
  const exposition = await scrape(shell.metricsPort);
  assert.ok(exposition.sum(REQUESTS, { http_route: '/users/{id}' }) > 0);
  assert.equal(exposition.sum('orchestrator_instances'), 5);

  await assertEnds(shell, /store local/);
  assert.match(shell.app.stdout, /^Stopped\.$/m);
});

test('npm start says so when the port of the metrics is taken', async (t) => {
  const first = await run(t, BLOCKS.preload, project(t));
  await eventually(() => get(first.metricsPort, '/healthz'));
  const second = await run(t, 'npm start', PACKAGE_ROOT, {
    OTEL_EXPORTER_PROMETHEUS_PORT: String(first.metricsPort),
  });
  const { code, stderr } = await second.app.ending;
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`Port ${first.metricsPort} is taken by the project "shop"`));
});
