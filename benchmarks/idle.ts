/**
 * What processes cost that do nothing: one with each store, and fifty of one project that flush every second, beside as many
 * without the preload. CPU time is that of all threads of a process, from the kernel's scheduler, after a warm-up in which V8
 * has compiled what runs often. Needs Linux and `redis-server`, and a machine that does nothing else: the load is the
 * machine's.
 *
 *     npm run build && node dist/benchmarks/idle.js [seconds of warm-up]
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { ask, freePort, timeOf, timesOf } from './application-client.js';
import { startRedis } from './redis-process.js';
import { median } from './rounds.js';

const WARM_UP_SECONDS = Number(process.argv[2] ?? 120);
const WINDOW_SECONDS = 40;
const MANY = 50;
const REQUESTS = 1500;
const SCRAPES = 20;
/** Between two starts, so that fifty of them take no longer than one machine can do. */
const START_PAUSE_MS = 300;

interface Idle {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(env: NodeJS.ProcessEnv | undefined, watch: boolean): Promise<Idle> {
  const child = fork(join(__dirname, 'idle-process.js'), {
    execArgv: env === undefined ? [] : ['--require', join(__dirname, '..', 'register.js')],
    env: { ...process.env, ...env, ...(watch ? { WATCH: '1' } : {}) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function stop(all: readonly Idle[]): Promise<void> {
  await Promise.all(
    all.map(async ({ child }) => {
      child.kill();
      await once(child, 'exit');
    }),
  );
}

/** Milliseconds of CPU that all threads of a process have used. */
function cpuMs({ child }: Idle): number {
  const tasks = `/proc/${child.pid}/task`;
  const nanoseconds = readdirSync(tasks).map((task) =>
    Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e6;
}

/** Milliseconds of CPU a second, of each. */
async function cpuOver(all: readonly Idle[], seconds: number): Promise<number[]> {
  const before = all.map(cpuMs);
  await sleep(seconds * 1000);
  return all.map((one, index) => (cpuMs(one) - (before[index] ?? Number.NaN)) / seconds);
}

function residentMb({ child }: Idle): number {
  const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

async function single(settings: (name: string) => NodeJS.ProcessEnv, redisUrl: string): Promise<void> {
  const second = { OTEL_METRIC_EXPORT_INTERVAL: '1000' };
  const redis = { ORCHESTRATOR_REDIS_URL: redisUrl };
  const variants: Array<readonly [name: string, env: NodeJS.ProcessEnv | undefined]> = [
    ['bare', undefined],
    ['local store, flush every 5 s', settings('a')],
    ['Redis, flush every 5 s', { ...settings('b'), ...redis }],
    ['local store, flush every second', { ...settings('c'), ...second }],
    ['Redis, flush every second', { ...settings('d'), ...second, ...redis }],
  ];
  const all: Idle[] = [];
  for (const [, env] of variants) all.push(await start(env, false));
  await sleep(WARM_UP_SECONDS * 1000);
  const used = await cpuOver(all, WINDOW_SECONDS);
  print('| one process | CPU ms per second | resident MB |\n|---|---|---|\n');
  for (const [index, [name]] of variants.entries())
    print(`| ${name} | ${used[index]?.toFixed(2)} | ${residentMb(all[index] ?? fail()).toFixed(0)} |\n`);
  await stop(all);
}

async function many(name: string, env: NodeJS.ProcessEnv | undefined, metricsPort: number): Promise<void> {
  const all: Idle[] = [];
  for (let index = 0; index < MANY; index += 1) {
    all.push(await start(env, index < 3));
    await sleep(START_PAUSE_MS);
  }
  await sleep(WARM_UP_SECONDS * 500);
  const watched = all.slice(0, 3);
  await Promise.all(watched.map(heldMs));
  const used = await cpuOver(all, WINDOW_SECONDS);
  const [load = ''] = readFileSync('/proc/loadavg', 'utf8').split(' ');
  const held = await Promise.all(watched.map(heldMs));
  const { p99 } = await timesOf(all.at(-1)?.port ?? 0, (requests) => requests < REQUESTS);
  const scrapes: number[] = [];
  for (let scrape = 0; env !== undefined && scrape < SCRAPES; scrape += 1) {
    scrapes.push(await timeOf(metricsPort, '/metrics'));
    await sleep(200);
  }
  const cells = [
    (used.reduce((sum, each) => sum + each, 0) / MANY).toFixed(2),
    load,
    env === undefined ? '' : `${median(scrapes).toFixed(0)}, ${Math.max(...scrapes).toFixed(0)}`,
    p99.toFixed(2),
    Math.max(...held).toFixed(1),
  ];
  print(`| ${name} | ${cells.join(' | ')} |\n`);
  await stop(all);
}

function heldMs({ child }: Idle): Promise<number> {
  return ask<number>(child, 'delay');
}

async function main(): Promise<void> {
  const redis = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const metricsPort = await freePort();
  const settings = (project: string, port = '0'): NodeJS.ProcessEnv => ({
    ORCHESTRATOR_PREFIX: project,
    ORCHESTRATOR_LOCAL_DIR: folder,
    OTEL_EXPORTER_PROMETHEUS_PORT: port,
    OTEL_LOG_LEVEL: 'none',
  });
  print(`Node ${process.version}, after ${WARM_UP_SECONDS} s of warm-up, over ${WINDOW_SECONDS} s\n\n`);
  await single(settings, redis.url);
  print(
    `\n| ${MANY} processes, flush every second | CPU ms per second of each | load average, 1 min | scrape, median and longest, ms | p99 of a request, ms | longest hold of an event loop, ms |\n|---|---|---|---|---|---|\n`,
  );
  await many('bare', undefined, metricsPort);
  const second = { OTEL_METRIC_EXPORT_INTERVAL: '1000' };
  await many('local store', { ...settings('many', String(metricsPort)), ...second }, metricsPort);
  await many(
    'Redis',
    { ...settings('many', String(metricsPort)), ...second, ORCHESTRATOR_REDIS_URL: redis.url },
    metricsPort,
  );
  await redis.end();
  await rm(folder, { recursive: true, force: true });
}

function fail(): never {
  throw new Error('one process is missing');
}

function print(text: string): void {
  process.stdout.write(text);
}

void main();
