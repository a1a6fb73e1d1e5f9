/**
 * What it costs an application to have its database commands measured: `node dist/benchmarks/databases.js [rounds]`. In each
 * round all variants take a turn, each in a process of its own; the ratio is to the same commands unmeasured in that round.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { startMariadb } from '../test/helpers/mariadb.js';
import type { Owner } from '../test/helpers/owner.js';
import { startPostgres } from '../test/helpers/postgres.js';
import { startRedis } from '../test/helpers/redis.js';
import { type Mode, WORKLOADS } from './database-process.js';
import { median, shuffled } from './rounds.js';

const ROUNDS = Number(process.argv[2] ?? 9);

interface Subject {
  readonly name: string;
  readonly mode: Mode;
  readonly url: string;
  /** CPU microseconds per command. */
  readonly costs: number[];
}

function costOf({ name, mode, url }: Subject): number {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(__dirname, 'database-process.js'), name, mode, url],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  return Number(stdout);
}

async function run(owner: Owner): Promise<void> {
  const { url: redis } = await startRedis(owner);
  const urls = { ioredis: redis, redis, mysql2: await startMariadb(owner), pg: await startPostgres(owner) };
  const groups = Object.entries(WORKLOADS).map(([name, { driver }]) => {
    const modes: Mode[] = driver === 'pg' ? ['bare', 'orchestrator'] : ['bare', 'published', 'orchestrator'];
    return modes.map((mode): Subject => ({ name, mode, url: urls[driver], costs: [] }));
  });
  for (let round = 0; round < ROUNDS; round++)
    for (const subject of shuffled(groups.flat())) subject.costs.push(costOf(subject));
  process.stdout.write(`Node ${process.version}, ${ROUNDS} rounds of 100000 commands, medians\n\n`);
  process.stdout.write('| commands | metrics by | CPU µs per command | ratio to bare |\n|---|---|---|---|\n');
  for (const subjects of groups) {
    const bare = subjects[0]?.costs ?? [];
    for (const { name, mode, costs } of subjects) {
      const ratio = median(costs.map((cost, round) => cost / (bare[round] ?? Number.NaN)));
      process.stdout.write(`| ${name} | ${mode} | ${median(costs).toFixed(1)} | ${ratio.toFixed(2)} |\n`);
    }
  }
}

async function main(): Promise<void> {
  const releases: Array<() => void | Promise<void>> = [];
  try {
    await run({ after: (release) => void releases.push(release) });
  } finally {
    for (const release of releases) await release();
  }
}

void main();
