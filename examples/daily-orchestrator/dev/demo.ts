import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { EsiStandIn } from '../src/stand-in/esi-stand-in.js';
import { FULL_SIZE } from '../src/stand-in/universe.js';
import { WORKER_KINDS } from '../src/workers/kinds.js';
import { parseMetrics, plainEnvironment, PRELOADS, ROOT, startApplication, sumOf } from './application.js';
import { NEEDS, provide } from './needs.js';
import { freePort } from './ports.js';
import { Postgres } from './postgres.js';
import type { Program } from './program.js';
import { RabbitMq } from './rabbitmq.js';

/**
 * `npm run demo [-- alliances corporations]`: the workflow once, over a universe that is made up. Servers that DATABASE_URL and
 * RABBITMQ_URL do not name are started for it, and nothing of it stays.
 */
async function demo(): Promise<number> {
  const [alliances = FULL_SIZE.alliances, corporations = FULL_SIZE.corporations] = process.argv
    .slice(2)
    .map(Number);
  const dir = mkdtempSync(join(tmpdir(), 'daily-demo-'));
  chmodSync(dir, 0o755);
  const ends: Array<() => Promise<unknown>> = [];
  try {
    const env = await surroundings(dir, ends);
    const esi = new EsiStandIn({ alliances, corporations });
    ends.push(() => esi.close());
    Object.assign(env, { ESI_BASE_URL: await esi.listen() });
    const workers = WORKER_KINDS.map(({ step }) => startApplication([step], env));
    ends.push(() => Promise.all(workers.map((worker) => worker.stop())));
    say('The workflow begins, as `npm run worker:daily-orchestrator -- --manual` does it.');
    const code = await attended(['run', '--manual'], env);
    await attended(['status'], env);
    await showMetrics(env, workers);
    say(`Exit code ${code}.`);
    return code;
  } finally {
    for (const end of ends.toReversed()) await end();
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The environment of the application's processes, with the servers that it names. */
async function surroundings(
  dir: string,
  ends: Array<() => Promise<unknown>>,
): Promise<Record<string, string | undefined>> {
  const { DATABASE_URL, RABBITMQ_URL, RABBITMQ_MANAGEMENT_URL } = process.env;
  const env = {
    ...plainEnvironment(),
    DATABASE_URL,
    RABBITMQ_URL,
    RABBITMQ_MANAGEMENT_URL,
    CHECK_INTERVAL: '1000',
    LOG_DIR: join(dir, 'logs'),
    ORCHESTRATOR_LOCAL_DIR: join(dir, 'metrics'),
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    OTEL_EXPORTER_PROMETHEUS_PORT: process.env['OTEL_EXPORTER_PROMETHEUS_PORT'] ?? String(await freePort()),
  };
  const needs = NEEDS.demo.filter(({ program }) =>
    program === 'postgres' ? DATABASE_URL === undefined : RABBITMQ_URL === undefined,
  );
  provide(needs);
  if (needs.length > 0) say(`Starting ${needs.map(({ program }) => program).join(' and ')} in ${dir}.`);
  await Promise.all([startPostgres(), startRabbitMq()]);
  return env;

  async function startPostgres(): Promise<void> {
    if (DATABASE_URL !== undefined) return;
    const postgres = await Postgres.start(dir);
    ends.push(() => postgres.stop());
    env.DATABASE_URL = await postgres.database('daily');
  }

  async function startRabbitMq(): Promise<void> {
    if (RABBITMQ_URL !== undefined) return;
    const broker = await RabbitMq.start(dir);
    ends.push(() => broker.end());
    env.RABBITMQ_URL = broker.url();
    env.RABBITMQ_MANAGEMENT_URL = broker.managementUrl;
  }
}

/** With this terminal as its own. */
async function attended(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const child = spawn(process.execPath, [...PRELOADS, 'dist/src/cli/main.js', ...args], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}

/** The process that counted most of it may be gone: whichever process is asked knows the sum. */
async function showMetrics(
  { OTEL_EXPORTER_PROMETHEUS_PORT: port }: Readonly<Record<string, string | undefined>>,
  workers: readonly Program[],
): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const samples = parseMetrics(await answer.text());
  say(
    `http://127.0.0.1:${port}/metrics, from one of the workers (${workers.map(({ pid }) => pid).join(', ')}):`,
  );
  for (const [series, value] of samples) {
    if (series.startsWith('workflow_items_total')) say(`  ${series} ${value}`);
  }
  say(`  requests to ESI: ${sumOf(samples, 'esi_requests_total')}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

demo().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
