/**
 * What a preload adds to the start of an application that does nothing: `node dist/benchmarks/startup.js [rounds]`. In each
 * round all variants take a turn, in an order drawn anew. CPU time, user and system, of the whole process is counted beside
 * the time on the clock, because it can be measured on a machine that others use as well; a ratio is the median over rounds
 * of the ratio in the same round.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { median, shuffled } from './rounds.js';

const ROUNDS = Number(process.argv[2] ?? 15);

/** Exits by itself, so that neither the last flush nor an open server is part of it. Tells its CPU time at that moment. */
const APPLICATION =
  'const { user, system } = process.cpuUsage(); process.stdout.write(String(user + system), () => process.exit(0));';

interface Variant {
  readonly name: string;
  readonly preload: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

interface Start {
  readonly clockMs: number;
  readonly cpuMs: number;
}

const METRICS_ONLY = {
  OTEL_TRACES_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  OTEL_NODE_RESOURCE_DETECTORS: 'env,host',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
};

function variants(folder: string): Variant[] {
  const ours = join(__dirname, '..', 'register.js');
  const settings = { ORCHESTRATOR_PREFIX: 'startup', OTEL_EXPORTER_PROMETHEUS_PORT: '0' };
  return [
    { name: 'bare', preload: undefined, env: {} },
    {
      name: 'orchestrator, local store',
      preload: ours,
      env: { ...settings, ORCHESTRATOR_LOCAL_DIR: folder },
    },
    {
      name: 'orchestrator, Redis',
      preload: ours,
      // Nobody listens there: loading the client is what counts, and an application does not wait for its connection.
      env: { ...settings, ORCHESTRATOR_REDIS_URL: 'redis://127.0.0.1:1', OTEL_LOG_LEVEL: 'none' },
    },
    {
      name: 'auto-instrumentations-node, metrics only',
      preload: '@opentelemetry/auto-instrumentations-node/register',
      env: { ...METRICS_ONLY, OTEL_METRICS_EXPORTER: 'prometheus' },
    },
  ];
}

function startOnce(application: string, { name, preload, env }: Variant): Start {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...(preload === undefined ? [] : ['--require', preload]), application],
    { env: { ...process.env, ...env }, cwd: join(__dirname, '..', '..'), encoding: 'utf8' },
  );
  const clockMs = performance.now() - began;
  // A preload may write to stdout as well.
  const cpuUs = Number(/\d+$/.exec(stdout)?.[0]);
  if (status !== 0 || !(cpuUs > 0)) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return { clockMs, cpuMs: cpuUs / 1000 };
}

const UNKNOWN: Start = { clockMs: Number.NaN, cpuMs: Number.NaN };

function main(): void {
  const folder = mkdtempSync(join(tmpdir(), 'startup-'));
  try {
    const application = join(folder, 'app.cjs');
    writeFileSync(application, APPLICATION);
    const subjects = variants(folder).map((variant) => ({ variant, starts: new Array<Start>() }));
    // The first start of each reads its files from the disk.
    for (const { variant } of subjects) startOnce(application, variant);
    for (let round = 0; round < ROUNDS; round++) {
      for (const { variant, starts } of shuffled(subjects)) starts.push(startOnce(application, variant));
    }
    const peer = subjects.at(-1)?.starts ?? [];
    process.stdout.write(`Node ${process.version}, ${ROUNDS} rounds, medians\n\n`);
    process.stdout.write(
      '| preload | ms | CPU ms | time, ratio to auto-instrumentations-node | CPU, ratio |\n|---|---|---|---|---|\n',
    );
    for (const { variant, starts } of subjects) {
      const ratio = (of: (start: Start) => number): string =>
        median(starts.map((start, round) => of(start) / of(peer[round] ?? UNKNOWN))).toFixed(2);
      const clock = median(starts.map(({ clockMs }) => clockMs)).toFixed(0);
      const cpu = median(starts.map(({ cpuMs }) => cpuMs)).toFixed(0);
      const ratios = `${ratio(({ clockMs }) => clockMs)} | ${ratio(({ cpuMs }) => cpuMs)}`;
      process.stdout.write(`| ${variant.name} | ${clock} | ${cpu} | ${ratios} |\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
