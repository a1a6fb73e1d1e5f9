import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../../local/daemon.js';
import { startStack, type Stack } from '../../local/stack.js';
import { failOver } from '../../src/cli/failover-plan.js';
import { ApiClient } from '../../src/cli/http-client.js';
import { seedUsers, type SeededUser } from '../../src/cli/seed-users.js';
import { DrillClients } from './drill-clients.js';
import { COUNTS_AT_RISK_MS, phaseFigures, type PhaseFigures, type Span } from './drill-report.js';
import { verify, type Verdict } from './drill-verdict.js';

export interface DrillOptions {
  readonly dir: string;
  readonly clients: number;
  readonly users: number;
  /** Of each phase. */
  readonly seconds: number;
  /** Without, the same load runs for as long, and nothing is stopped. */
  readonly faults: boolean;
}

export interface DrillResult {
  readonly phases: readonly PhaseFigures[];
  /** From the first phase to the last one. */
  readonly total: PhaseFigures;
  readonly verdict: Verdict;
  /**
   * What an instance that was killed may have taken with it: answers of all instances that clients got in the time before. Without
   * a kill none.
   */
  readonly answersBeforeKill: number;
}

interface Phase {
  readonly name: string;
  readonly fault: (stack: Stack) => Promise<void>;
  /** Whether it takes counts with it. */
  readonly kills?: true;
  readonly repair: (stack: Stack) => Promise<void>;
}

const nothing = async (): Promise<void> => undefined;

const PHASES: readonly Phase[] = [
  { name: 'nothing is stopped', fault: nothing, repair: nothing },
  {
    name: 'a replica of PostgreSQL is stopped',
    fault: async ({ postgres }) => postgres.node(1).stop('SIGQUIT'),
    repair: async ({ postgres }) => postgres.node(1).start(),
  },
  {
    name: 'Redis is stopped',
    fault: async ({ redis }) => redis.primary.stop(),
    repair: async ({ redis }) => redis.primary.start(),
  },
  {
    name: 'an instance is killed (kill -9)',
    kills: true,
    fault: async ({ instances }) => instances[0]?.stop('SIGKILL'),
    repair: async (stack) => stack.restart(0),
  },
  { name: 'the primary is killed, a replica promoted', fault: loseThePrimary, repair: takeBackTheOldPrimary },
];

/** The old primary is fenced by being dead; whoever noticed runs the failover. */
async function loseThePrimary({ postgres, env }: Stack): Promise<void> {
  await postgres.first.stop('SIGQUIT');
  const nodes = postgres.nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
  await failOver(nodes, { user: env['DB_USER'] ?? '', password: '' });
}

/** As a replica, from a copy of the new primary: what it had and nobody else has is gone, and nobody was told it was done. */
async function takeBackTheOldPrimary({ postgres }: Stack): Promise<void> {
  for (const node of postgres.nodes.slice(1)) {
    const [row] = await node.query<{ replica: boolean }>('SELECT pg_is_in_recovery() AS replica');
    if (row?.replica === false) return postgres.copy(node, postgres.first);
  }
  throw new Error('no node is the primary');
}

/** Runs the load through all phases, and says what became of it. */
export async function runDrill(options: DrillOptions): Promise<DrillResult> {
  const { dir, clients: count, users: userCount, seconds, faults } = options;
  const stack = await startStack({
    dir,
    // With fsync, as one would run it: what is acknowledged is on two disks.
    fast: false,
    limits: { rate: 5000, loginRate: 1000 },
    env: {
      LOG_LEVEL: 'warn',
      PASSWORD_SCRYPT_COST: '10',
      LEDGER_CHECK_INTERVAL: '5',
      // A busy machine is not a failure; a server that is gone refuses connections at once.
      DB_CONNECT_TIMEOUT_MS: '5000',
    },
  });
  try {
    const base = `http://127.0.0.1:${stack.nginxPorts.httpPort}`;
    const seeder = new ApiClient(base);
    const users: readonly SeededUser[] = await seedUsers(seeder, userCount, 1000);
    seeder.close();
    const clients = new DrillClients(base, users);
    clients.start(count);
    const spans: Span[] = [];
    let answersBeforeKill = 0;
    for (const { name, fault, repair, kills } of PHASES) {
      const from = Date.now();
      if (faults) await fault(stack);
      if (faults && kills) answersBeforeKill = clients.answersBetween(from - COUNTS_AT_RISK_MS, Date.now());
      await sleep(seconds * 1000);
      if (faults) await repair(stack);
      // The next fault comes when this one is over.
      await eventually(async () => assertWorking(base));
      spans.push({ name: faults ? name : 'the same load, nothing is stopped', from, to: Date.now() });
    }
    await clients.end();
    // Now, when every attempt has ended.
    const phases = spans.map((span) => phaseFigures(span, clients));
    const [from, to] = [spans[0]?.from ?? 0, spans.at(-1)?.to ?? 0];
    const total = phaseFigures({ name: 'all phases', from, to }, clients);
    return { phases, total, verdict: await verify(stack, clients, users), answersBeforeKill };
  } finally {
    await stack.stop();
  }
}

async function assertWorking(base: string): Promise<void> {
  const response = await fetch(`${base}/health`);
  const { services } = (await response.json()) as {
    services: { fallback_manager: { mode: string } };
  };
  if (services.fallback_manager.mode !== 'normal')
    throw new Error(`the mode is ${services.fallback_manager.mode}`);
}
