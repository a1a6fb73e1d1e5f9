import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { fixturePath, PERMISSION } from '../helpers/app-process.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import type { Case, Run } from './observe.js';

const PROBE = `const { probe, names, listeners } = require(${JSON.stringify(fixturePath('probe.cjs'))});`;

/** A server that tells what it sees of a request and its answer. */
const SERVER = `${PROBE}
const server = require('node:http').createServer((request, response) => {
  const before = { request: names(request), response: names(response), listeners: listeners(response), socket: listeners(request.socket) };
  response.setHeader('X-App', 'yes');
  response.end('ok');
  if (request.url === '/probe') probe('request', before);
});
server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port));
`;

async function answersThen(run: Run, ...signals: NodeJS.Signals[]): Promise<void> {
  await run.ask('before');
  for (const signal of signals) run.app.send(signal);
}

const signals: readonly Case[] = (['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const).map(
  (signal) => ({
    name: `${signal} to a server that does not listen to it`,
    files: { 'app.cjs': SERVER },
    drive: (run) => answersThen(run, signal),
  }),
);

const handlers: readonly Case[] = (['SIGTERM', 'SIGINT'] as const).flatMap((signal) => [
  {
    name: `${signal} to a server that goes on`,
    files: { 'app.cjs': `${SERVER} process.on('${signal}', () => console.log('got it'));` },
    drive: async (run: Run) => {
      await answersThen(run, signal);
      await run.app.waitFor(/got it/);
      await run.ask('after');
      run.app.send('SIGKILL');
    },
  },
  {
    name: `${signal} to a server that closes and exits with a code of its own`,
    files: { 'app.cjs': `${SERVER} process.once('${signal}', () => server.close(() => process.exit(7)));` },
    drive: (run: Run) => answersThen(run, signal),
  },
]);

const FAILURES: Readonly<Record<string, string>> = {
  'an exception': "function f() { throw new Error('boom'); } setTimeout(f, 10);",
  'an exception while it loads': "require('./part.cjs');",
  'a rejection': "async function f() { throw new TypeError('boom'); } setTimeout(() => void f(), 10);",
  'a syntax error': 'const = 1;',
  'a missing module': "require('no-such-package');",
  'an exit code': 'setTimeout(() => process.exit(3), 10);',
  'an exit code that was set': 'process.exitCode = 5;',
  'an exit in an exit handler': "process.on('exit', () => { console.log('bye'); process.exit(9); });",
  'a handler of exceptions':
    "process.on('uncaughtException', (error, origin) => { console.log(error.message, origin); process.exit(4); }); setTimeout(() => { throw new Error('boom'); }, 10);",
  'more work in beforeExit':
    "let times = 0; process.on('beforeExit', (code) => { if (times++ < 2) setTimeout(() => console.log('more', code), 10); });",
  'an await that never settles': '(async () => { await new Promise(() => {}); console.log("never"); })();',
};

const endings: readonly Case[] = Object.entries(FAILURES).map(([what, app]) => ({
  name: `an application that ends by ${what}`,
  files: { 'app.cjs': app, 'part.cjs': "throw new RangeError('while loading');" },
}));

/** As tracers do it: it writes down what the application requires, and wraps what serves. */
const APM = `const Module = require('node:module'); const seen = []; const load = Module._load;
Module._load = function (request, parent, isMain) { if (parent && !/node_modules|dist/.test(parent.filename ?? '') && !/probe/.test(request)) seen.push(request + ' ' + Boolean(isMain)); return load.apply(this, arguments); };
const http = require('node:http'); const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event) { if (event === 'request') arguments[1].traced = true; return emit.apply(this, arguments); };
process.on('exit', () => console.log('apm saw', seen.join(', ')));`;

const others: readonly Case[] = (['before', 'after'] as const).map((place) => ({
  name: `another preload that patches Module and http, ${place} ours`,
  files: {
    'apm.cjs': APM,
    'part.cjs': 'module.exports = 1;',
    'app.cjs': `${PROBE} require('./part.cjs'); require('node:path'); require('node:http').createServer((request, response) => response.end(String(request.traced))).listen(0, '127.0.0.1', function () { console.log('listening', this.address().port); }); process.on('SIGTERM', () => process.exit(0));`,
  },
  command: (preload) => {
    const apm = ['--require', './apm.cjs'];
    return ['node', ...(place === 'before' ? [...apm, ...preload] : [...preload, ...apm]), 'app.cjs'];
  },
  drive: async (run) => {
    await run.ask('traced');
    run.app.send('SIGTERM');
  },
}));

const packageAt = (name: string): string => join(PACKAGE_ROOT, 'node_modules', name);

/** What its own exporter shows, without the values that change by themselves. */
const promClient: Case = {
  name: "prom-client in the application, with its own page and Node's default metrics",
  files: {
    'app.cjs': `const client = require(${JSON.stringify(packageAt('prom-client'))});
client.collectDefaultMetrics();
const orders = new client.Counter({ name: 'orders_total', help: 'Orders', labelNames: ['shop'] });
const seconds = new client.Histogram({ name: 'order_seconds', help: 'Time of an order', buckets: [1, 10] });
require('node:http').createServer(async (request, response) => {
  if (request.url === '/order') { orders.inc({ shop: 'a' }); seconds.observe(5); response.end('ordered'); return; }
  const text = await client.register.metrics();
  response.setHeader('Content-Type', client.register.contentType);
  response.end(text.split('\\n').map((line) => (/^(#|order)/.test(line) ? line : line.replace(/ .*/, ''))).filter((line) => !/^nodejs_(active|gc)/.test(line)).join('\\n'));
}).listen(0, '127.0.0.1', function () { console.log('listening', this.address().port); });`,
  },
  drive: async (run) => {
    await run.ask('an order', '/order');
    await run.ask('another order', '/order');
    await run.ask('the page', '/metrics');
    run.app.send('SIGKILL');
  },
};

/** Its answer says which span is active in a request, and whether another one stands above it. */
const distributions: readonly Case[] = ['before', 'after'].flatMap((place) =>
  [{}, { OTEL_TRACES_EXPORTER: 'otlp' }].map((traces) => ({
    name: `a preload that starts OpenTelemetry's own SDK, ${place} ours${'OTEL_TRACES_EXPORTER' in traces ? ', traces asked for by the environment' : ''}`,
    files: {
      'sdk.cjs': `const { NodeSDK, tracing } = require(${JSON.stringify(packageAt('@opentelemetry/sdk-node'))});
const { HttpInstrumentation } = require(${JSON.stringify(packageAt('@opentelemetry/instrumentation-http'))});
new NodeSDK({ autoDetectResources: false, spanProcessors: [new tracing.SimpleSpanProcessor(new tracing.InMemorySpanExporter())], instrumentations: [new HttpInstrumentation()] }).start();`,
      'app.cjs': `const { trace } = require(${JSON.stringify(packageAt('@opentelemetry/api'))});
require('node:http').createServer((request, response) => {
  const span = trace.getActiveSpan();
  response.end(JSON.stringify([span?.kind, span?.instrumentationScope?.name, span?.isRecording(), span?.parentSpanContext === undefined]));
}).listen(0, '127.0.0.1', function () { console.log('listening', this.address().port); });`,
    },
    env: {
      ...traces,
      OTEL_METRICS_EXPORTER: 'orchestrator',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    },
    command: (preload: readonly string[]) => {
      const theirs = ['--require', './sdk.cjs'];
      return ['node', ...(place === 'before' ? [...theirs, ...preload] : [...preload, ...theirs]), 'app.cjs'];
    },
    drive: async (run: Run) => {
      await run.ask('traced');
      run.app.send('SIGKILL');
    },
  })),
);

export const CASES: readonly Case[] = [
  {
    name: 'what a script sees of its process',
    files: { 'app.cjs': `${PROBE} probe('start'); setImmediate(() => probe('later'));` },
  },
  {
    name: 'what a server sees of its requests',
    files: { 'app.cjs': SERVER },
    drive: async (run) => {
      await run.ask('probed', '/probe');
      await run.ask('plain', '/');
      run.app.send('SIGKILL');
    },
  },
  ...signals,
  ...handlers,
  ...endings,
  ...others,
  promClient,
  ...distributions,
  {
    name: 'an ES module',
    files: {
      'app.mjs': "import { basename } from 'node:path'; console.log(basename(import.meta.url)); await null;",
    },
  },
  {
    name: 'an ES module that throws',
    files: { 'app.mjs': "await null; throw new Error('boom');" },
  },
  {
    name: 'worker threads',
    files: {
      'app.cjs':
        "const { Worker } = require('node:worker_threads'); const worker = new Worker('./worker.cjs'); worker.on('message', (m) => console.log(m)); worker.on('exit', (code) => console.log('exit', code));",
      'worker.cjs':
        "const { parentPort } = require('node:worker_threads'); parentPort.postMessage(process.eventNames().map(String)); process.exit(2);",
    },
  },
  {
    name: 'a cluster whose worker exits, and whose primary is told to end',
    files: {
      'app.cjs': `const cluster = require('node:cluster');
if (cluster.isPrimary) {
  const worker = cluster.fork();
  worker.on('message', (port) => console.log('listening', port));
  worker.on('exit', (code, signal) => { console.log('worker ended', code, signal); process.exit(6); });
} else {
  const server = require('node:http').createServer((_request, response) => response.end('ok'));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.on('message', () => process.exit(8));
  setTimeout(() => process.exit(8), 700);
}`,
    },
    drive: (run) => run.ask('a worker'),
  },
  {
    name: 'without the right to write or to start processes',
    files: {
      'app.cjs': "console.log(process.permission.has('child')); setTimeout(() => console.log('later'), 300);",
    },
    command: (preload) => ['node', PERMISSION, '--allow-fs-read=*', ...preload, 'app.cjs'],
  },
  {
    name: 'a process that cannot fork',
    files: {
      'no-fork.cjs':
        "const { ChildProcess } = require('node:child_process'); const refuse = () => { console.log('a process was started'); throw Object.assign(new Error('fork'), { code: 'EAGAIN' }); }; ChildProcess.prototype.spawn = refuse; process.binding && (process.binding = process.binding); require('node:child_process').spawnSync = refuse; require('node:child_process').execSync = refuse; require('node:child_process').execFileSync = refuse;",
      'app.cjs': "setTimeout(() => console.log('done'), 1500);",
    },
    command: (preload) => ['node', '--require', './no-fork.cjs', ...preload, 'app.cjs'],
  },
  {
    name: 'a heap of 64 MB, half of it in use',
    files: {
      'app.cjs':
        'const kept = []; for (let i = 0; i < 32; i++) kept.push(new Array(131072).fill(i)); setTimeout(() => console.log(kept.length), 300);',
    },
    command: (preload) => ['node', '--max-old-space-size=64', ...preload, 'app.cjs'],
  },
  {
    name: 'node --test',
    files: {
      'app.test.cjs':
        "const { test } = require('node:test'); test('passes', () => {}); test('fails', () => { throw new Error('boom'); });",
    },
    command: () => ['node', '--test', '--test-reporter=dot', 'app.test.cjs'],
    byEnvironment: true,
  },
  {
    name: 'node --eval',
    files: {},
    command: (preload) => [
      'node',
      ...preload,
      '--eval',
      'console.log(typeof require, __filename, module.id); process.exitCode = 2',
    ],
  },
  {
    name: 'node --print',
    files: {},
    command: (preload) => ['node', ...preload, '--print', '6 * 7'],
  },
  {
    name: 'node --check',
    files: { 'app.cjs': "console.log('never');" },
    command: () => ['node', '--check', 'app.cjs'],
    byEnvironment: true,
  },
  {
    name: 'a REPL',
    files: {},
    command: (preload) => ['node', ...preload, '--interactive'],
    stdin: "var x = 6 * 7\nx\nthrow new Error('boom')\n.exit\n",
  },
  {
    name: 'a program from stdin',
    files: {},
    command: (preload) => ['node', ...preload, '-'],
    stdin: "console.log(require('node:path').basename('/a/b'));",
  },
  {
    name: 'a tool whose pipe is closed early',
    files: { 'app.cjs': "for (let i = 0; i < 100000; i++) console.log('line ' + i);" },
    command: (preload) => [
      'bash',
      '-c',
      `"$0" "$@" | head -n 2; echo "\${PIPESTATUS[0]}"`,
      process.execPath,
      ...preload,
      'app.cjs',
    ],
  },
  {
    name: 'an application that reads an open stdin, and is interrupted',
    files: { 'app.cjs': "process.stdin.on('data', () => {}); console.log('ready');" },
    stdin: undefined,
    drive: async (run) => {
      await run.app.waitFor(/ready/);
      run.app.send('SIGINT');
    },
  },
  {
    name: 'node --watch, whose file changes',
    files: { 'app.cjs': "console.log('pid ' + 1, 'run'); setInterval(() => {}, 1000);" },
    command: (preload) => ['node', '--watch', ...preload, 'app.cjs'],
    drive: async (run) => {
      await run.app.waitFor(/run/);
      writeFileSync(join(run.folder, 'app.cjs'), "console.log('changed'); setInterval(() => {}, 1000);");
      await run.app.waitFor(/changed/);
      run.app.send('SIGTERM');
    },
  },
  {
    name: 'PM2: an application in cluster mode, asked and stopped',
    files: {
      'app.cjs':
        "const server = require('node:http').createServer((_request, response) => response.end('ok')); server.listen(0, '127.0.0.1', () => console.log('listening', server.address().port)); process.on('SIGINT', () => server.close(() => process.exit(0)));",
      'run.sh': `export PM2_HOME="$PWD/.pm2" HOME="$PWD"
pm2() { "$NODE" "$PM2" "$@" --silent < /dev/null; }
pm2 start app.cjs --name app --interpreter-args "$1" -i 1 > /dev/null
for i in $(seq 100); do grep -h listening .pm2/logs/*out* 2> /dev/null && break; sleep 0.1; done
read -r _ < "$PWD/asked"
pm2 stop app > /dev/null
pm2 jlist | "$NODE" -e 'let text = ""; process.stdin.on("data", (part) => (text += part)).on("end", () => { for (const { pm2_env: { status, exit_code, restart_time } } of JSON.parse(text)) console.log(status, exit_code, restart_time); })'
pm2 kill > /dev/null
cat .pm2/logs/*err* >&2
`,
    },
    env: { NODE: process.execPath, PM2: join(PACKAGE_ROOT, 'node_modules', 'pm2', 'bin', 'pm2') },
    command: (preload) => ['bash', '-c', 'mkfifo asked && exec bash run.sh "$*"', 'pm2', ...preload],
    drive: async (run) => {
      await run.ask('before');
      writeFileSync(join(run.folder, 'asked'), 'yes\n');
    },
  },
  {
    name: 'a child that inherits NODE_OPTIONS in a folder without packages',
    files: {
      'app.cjs':
        "const { spawnSync } = require('node:child_process'); const { stdout, status } = spawnSync(process.execPath, ['-p', '1 + 1'], { cwd: '/', encoding: 'utf8' }); console.log(stdout, status);",
    },
    byEnvironment: true,
  },
  {
    name: 'no home, and no variable at all',
    files: { 'app.cjs': "setTimeout(() => console.log('done'), 200);" },
    command: (preload) => ['env', '-i', process.execPath, ...preload, 'app.cjs'],
  },
  ...(process.getuid?.() === 0 ? asRoot() : []),
];

/** What needs a namespace of its own. */
function asRoot(): Case[] {
  return [
    {
      name: 'process 1 of a container, told to end',
      files: { 'app.cjs': SERVER },
      command: (preload) => [
        'unshare',
        '--pid',
        '--fork',
        '--kill-child',
        process.execPath,
        ...preload,
        'app.cjs',
      ],
      drive: async (run) => {
        await run.ask('before');
        for (const pid of childrenOf(run.app.pid)) process.kill(pid, 'SIGTERM');
        await run.ask('at the signal');
        await new Promise((resolve) => setTimeout(resolve, 2500));
        await run.ask('after it');
        run.app.send('SIGKILL');
      },
    },
    {
      name: 'a file system that cannot be written',
      files: { 'app.cjs': "setTimeout(() => console.log('done'), 300);" },
      command: (preload) => [
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount --bind "$TMPDIR" "$TMPDIR" && mount -o remount,ro,bind "$TMPDIR" && exec "$0" "$@"',
        process.execPath,
        ...preload,
        'app.cjs',
      ],
    },
  ];
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
