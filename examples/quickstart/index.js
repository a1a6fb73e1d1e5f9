'use strict';
// What `npm start` runs: app.js with the preload, some traffic, and what to look at and to try.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { existsSync } = require('node:fs');
const { connect } = require('node:net');
const { join, resolve } = require('node:path');
const { createInterface } = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');

const { portOwner, projectAt } = require('./port-owner.js');
const { ROUND_REQUESTS, sendRound } = require('./traffic.js');

const PACKAGE = resolve(__dirname, '../..');
const APP_PORT = Number(process.env.PORT || 3000);
const METRICS_PORT = Number(process.env.OTEL_EXPORTER_PROMETHEUS_PORT || 9464);
const PAGE_URL = `http://localhost:${METRICS_PORT}/`;
const METRICS_URL = `${PAGE_URL}metrics`;
const METRIC = 'http_server_request_duration_seconds_count';

/** The traffic: about 20 requests per second. */
const ROUND_MS = 500;
const ROUNDS_BEFORE_COUNTING = 10;

/** After a worker was killed: longer than workers take to send their numbers. */
const COUNT_AGAIN_MS = 10_000;

async function main() {
  if (!existsSync(join(PACKAGE, 'dist', 'register.js'))) return fail('Not built yet. Run: npm ci');
  for (const [port, variable] of [
    [APP_PORT, 'PORT'],
    [METRICS_PORT, 'OTEL_EXPORTER_PROMETHEUS_PORT'],
  ]) {
    const owner = await portOwner(port);
    if (owner !== undefined)
      return fail(`Port ${port} is taken by ${owner}. Choose another: ${variable}=${port + 1} npm start`);
  }

  say('node --require @org/orchestrator/register app.js    (a cluster of 4 workers; Ctrl-C ends it)');
  const app = startApp();
  const ended = once(app, 'exit').then(([code, signal]) => ({ code, signal }));
  const stop = endOnSignals(app);
  const workers = followWorkers(app, stop);

  await Promise.race([Promise.all([untilReady(), workers]), ended]);
  if (app.exitCode === null && !stop.aborted) {
    explain(await workers, await projectAt(METRICS_PORT));
    await runTraffic(stop);
  }

  const { code, signal } = await ended;
  if (!stop.aborted) return fail(`The application ended by itself (${signal ?? code}).`);
  say('Stopped.');
}

function startApp() {
  // In its own package it is `node --require @org/orchestrator/register app.js`, and that is all.
  return spawn(process.execPath, ['--require', '@org/orchestrator/register', join(__dirname, 'app.js')], {
    cwd: PACKAGE,
    env: { OTEL_SERVICE_NAME: 'quickstart', ...process.env, PORT: String(APP_PORT) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Resolves with the numbers of the workers when all of them listen; says when one is replaced later. */
async function followWorkers(app, stop) {
  const lines = createInterface({ input: app.stdout });
  const first = once(lines, 'line');
  lines.on('line', async (line) => {
    const [what, ...rest] = line.split(' ');
    if (what !== 'died') return say(`Workers      ${rest.join(' ')}`);
    const before = await counted();
    say(`Killed       worker ${rest[0]} by ${rest[1]}: ${before} requests are counted`);
    await sleep(COUNT_AGAIN_MS, undefined, { signal: stop }).catch(() => undefined);
    if (stop.aborted) return;
    const now = await counted();
    const change = now < before ? 'the counter went down' : 'nothing went down';
    say(`Compared     ${before} requests before, ${now} now: ${change}`);
  });
  const [line] = await first;
  return line.split(' ').slice(1);
}

function explain([worker], project) {
  const perSecond = (1000 / ROUND_MS) * ROUND_REQUESTS;
  say(`Application  http://localhost:${APP_PORT}    about ${perSecond} requests per second come from here`);
  say(`The page     ${PAGE_URL}    open it: the sum of all workers, live`);
  say(`Metrics      ${METRICS_URL}    the same for Prometheus`);
  say(
    'Prometheus   prometheus --config.file=examples/quickstart/prometheus.yml    then http://localhost:9090',
  );
  say(`Kill one     kill -9 ${worker}    instances go from 5 to 4 and back, and no counter goes down`);
  say('Your own     npm install @org/orchestrator');
  say('             ORCHESTRATOR_PREFIX=shop node --require @org/orchestrator/register app.js');
  say(`From zero    node dist/bin/orchestrator.js wipe ${project}    begins all counters again`);
}

/** Aborted as soon as somebody wants the end. */
function endOnSignals(app) {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(name, () => {
      stop.abort();
      // A terminal's Ctrl-C has reached the application already; one that was sent to this process alone has not.
      app.kill('SIGTERM');
    });
  }
  return stop.signal;
}

/** Sends traffic until stopped; once, it waits for all workers to report, and compares. */
async function runTraffic(stop) {
  const before = await counted();
  let sent = 0;
  for (let round = 1; !stop.aborted; round++) {
    const [answers] = await Promise.all([sendRound(APP_PORT), sleep(ROUND_MS)]);
    sent += answers;
    if (round === ROUNDS_BEFORE_COUNTING) await compare(sent, before, stop);
  }
}

async function compare(sent, before, stop) {
  let now = 0;
  // A worker sends its numbers every five seconds.
  for (let attempt = 0; attempt < 30 && now < sent && !stop.aborted; attempt++) {
    await sleep(500);
    now = (await counted()) - before;
  }
  if (!stop.aborted) say(`Compared     ${sent} requests sent to 4 workers, ${now} counted by ${METRICS_URL}`);
}

/** All requests that the project has ever counted; earlier runs are in it, since counters do not start again. */
async function counted() {
  const response = await fetch(METRICS_URL).catch(() => undefined);
  if (response?.ok !== true) return 0;
  let sum = 0;
  for (const line of (await response.text()).split('\n')) {
    if (line.startsWith(METRIC)) sum += Number(line.slice(line.lastIndexOf(' ')));
  }
  return sum;
}

/** Asks the application for nothing, since that would be counted; and never listens on its port, since it might be faster. */
async function untilReady() {
  while (!(await accepts(APP_PORT))) await sleep(100);
  while (
    !(await fetch(METRICS_URL).then(
      ({ ok }) => ok,
      () => false,
    ))
  )
    await sleep(100);
}

async function accepts(port) {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function say(line) {
  process.stdout.write(`${line}\n`);
}

function fail(line) {
  process.stderr.write(`${line}\n`);
  process.exitCode = 1;
}

void main();
