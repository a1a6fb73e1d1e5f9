import { createServer } from 'node:net';
import { once } from 'node:events';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { PRELOAD, type AppProcess } from '../helpers/app-process.js';
import { freePort } from '../helpers/ports.js';
import { assertSameBehaviour, START_LINE, type Case } from './same-behaviour.js';

const imported = ['--import', pathToFileURL(PRELOAD).href];
const required = ['--require', PRELOAD];

const whenListening =
  (signal: NodeJS.Signals) =>
  async (app: AppProcess): Promise<void> => {
    await app.number('listening');
    app.send(signal);
  };

async function whenComplained(app: AppProcess, withUs: boolean): Promise<void> {
  await app.number('listening');
  if (withUs) await app.waitForStderr(/belongs to another program/);
  app.send('SIGTERM');
}

const cases: readonly Case[] = [
  { name: 'a CommonJS application', fixture: 'job.cjs', env: { EXIT_CODE: '3' } },
  { name: 'an ES module', fixture: 'job.mjs', env: { EXIT_CODE: '3' } },
  { name: '--import, CommonJS', fixture: 'job.cjs', nodeArgs: imported },
  { name: '--import, ES module', fixture: 'job.mjs', nodeArgs: imported },
  { name: 'twice by --require', fixture: 'job.cjs', nodeArgs: [...required, ...required] },
  { name: 'by --require and by --import', fixture: 'job.mjs', nodeArgs: [...required, ...imported] },
  {
    name: 'by NODE_OPTIONS',
    fixture: 'job.cjs',
    nodeArgs: [],
    env: { NODE_OPTIONS: `--require ${PRELOAD}` },
  },
  {
    name: 'by NODE_OPTIONS and --import',
    fixture: 'job.cjs',
    nodeArgs: imported,
    env: { NODE_OPTIONS: `--require ${PRELOAD}` },
  },
  { name: 'a worker thread, where nothing starts', fixture: 'worker-thread.cjs' },
  {
    name: 'a worker thread that takes part',
    fixture: 'worker-thread.cjs',
    env: { ORCHESTRATOR_WORKER_THREADS: 'true' },
    says: [START_LINE, START_LINE],
  },
  { name: 'an uncaught exception', fixture: 'crash-exception.cjs' },
  { name: 'an unhandled rejection', fixture: 'crash-rejection.cjs' },
  { name: 'a module that throws', fixture: 'crash-at-load.mjs' },
  { name: 'a program that does not exist', fixture: 'no-such-file.cjs' },
  { name: 'process.exit()', fixture: 'exit-at-once.cjs' },
  { name: 'SIGTERM to a server', fixture: 'server.cjs', during: whenListening('SIGTERM') },
  { name: 'SIGINT to a server', fixture: 'server.mjs', during: whenListening('SIGINT') },
  { name: 'SIGHUP to a server', fixture: 'server.cjs', during: whenListening('SIGHUP') },
  {
    name: 'SIGTERM to an application with a handler',
    fixture: 'drain.cjs',
    during: whenListening('SIGTERM'),
  },
  { name: 'turned off', fixture: 'job.cjs', env: { ORCHESTRATOR_ENABLED: 'false' }, says: [] },
  { name: 'OTEL_SDK_DISABLED', fixture: 'job.cjs', env: { OTEL_SDK_DISABLED: 'true' }, says: [] },
  { name: 'told to be silent', fixture: 'job.cjs', env: { OTEL_LOG_LEVEL: 'none' }, says: [] },
  {
    name: 'an invalid environment',
    fixture: 'job.cjs',
    env: {
      ORCHESTRATOR_METRICS_TTL: 'soon',
      ORCHESTRATOR_MAX_SERIES: '-5',
      ORCHESTRATOR_REDIS_URL: 'http://user:secret@nowhere',
      OTEL_METRIC_EXPORT_INTERVAL: '0',
      OTEL_EXPORTER_PROMETHEUS_PORT: '99999',
      OTEL_LOG_LEVEL: 'loud',
    },
    says: [
      START_LINE,
      /warn: ORCHESTRATOR_METRICS_TTL="soon" is not allowed/,
      /warn: ORCHESTRATOR_MAX_SERIES="-5" is not allowed/,
      /warn: ORCHESTRATOR_REDIS_URL="http:\/\/nowhere\/?" is not allowed/,
      /warn: OTEL_METRIC_EXPORT_INTERVAL="0" is not allowed/,
      /warn: OTEL_EXPORTER_PROMETHEUS_PORT="99999" is not allowed/,
      /warn: OTEL_LOG_LEVEL="loud" is not allowed/,
    ],
  },
  {
    name: 'a prefix of which nothing is left',
    fixture: 'job.cjs',
    env: { ORCHESTRATOR_PREFIX: '!!!' },
    says: [START_LINE, /ORCHESTRATOR_SETTING_IGNORED warn: ORCHESTRATOR_PREFIX="!!!" is not allowed\./],
  },
  {
    name: 'a Redis mode without an address, and no warnings wanted',
    fixture: 'job.cjs',
    env: { ORCHESTRATOR_STORE: undefined, ORCHESTRATOR_REDIS_MODE: 'cluster', OTEL_LOG_LEVEL: 'error' },
    says: [],
  },
  {
    name: 'a Redis mode without an address',
    fixture: 'job.cjs',
    env: { ORCHESTRATOR_STORE: undefined, ORCHESTRATOR_REDIS_MODE: 'cluster' },
    says: [
      /ORCHESTRATOR_NOT_STARTED warn: not started.*ORCHESTRATOR_REDIS_MODE=cluster needs ORCHESTRATOR_REDIS_NODES/,
    ],
  },
  {
    name: 'cluster workers with execArgv of their own',
    fixture: 'cluster-exec-argv.cjs',
    says: [START_LINE, /ORCHESTRATOR_WORKER_NOT_MEASURED warn: .*execArgv/],
  },
];

for (const example of cases) {
  test(`the same with us as without us: ${example.name}`, (t) => assertSameBehaviour(t, example));
}

test('the same with us as without us: Redis unreachable', async (t) => {
  const env = {
    ORCHESTRATOR_STORE: 'redis',
    ORCHESTRATOR_REDIS_URL: `redis://user:secret@127.0.0.1:${await freePort()}`,
  };
  const says = [START_LINE, /warn: .*127\.0\.0\.1.*wait in memory/];
  await assertSameBehaviour(t, { name: 'a job', fixture: 'job.cjs', env, says });
  await assertSameBehaviour(t, {
    name: 'a server',
    fixture: 'server.cjs',
    env,
    says,
    during: whenListening('SIGTERM'),
  });
});

test('the same with us as without us: the port belongs to somebody else', async (t) => {
  const other = createServer((socket) => socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(port) };
  const says = [START_LINE, new RegExp(`warn: Port ${port} belongs to another program`)];
  await assertSameBehaviour(t, {
    name: 'a server',
    fixture: 'server.cjs',
    env,
    says,
    during: whenComplained,
  });
});
