import { eventually } from '../../local/daemon.js';
import type { PostgresNode } from '../../local/postgres-cluster.js';
import type { Stack } from '../../local/stack.js';
import type { SeededUser } from '../../src/cli/seed-users.js';
import type { DrillClients } from './drill-clients.js';

/** What became of the money, and of the counts. All but the last four have to be 0. */
export interface Verdict {
  readonly 'sum of all entries, cents': number;
  readonly 'accounts whose balance is not the sum of their events': number;
  readonly 'acknowledged transfers that are not in the database': number;
  readonly 'transfers in the database that no client was told of': number;
  readonly 'balances that differ from what the clients were told, accounts': number;
  readonly 'transfers settled': number;
  readonly 'transfers that needed more than one try': number;
  readonly 'answers that clients got from the service': number;
  readonly 'answers that the endpoint counted': number;
}

/** Compares what the clients were told with the database and with the metrics. */
export async function verify(
  stack: Stack,
  clients: DrillClients,
  users: readonly SeededUser[],
): Promise<Verdict> {
  const primary = await primaryOf(stack);
  const sum = await one(primary, 'SELECT coalesce(sum(amount), 0) AS value FROM events');
  const wrong = await one(
    primary,
    `SELECT count(*) AS value FROM balances JOIN (SELECT account_id, sum(amount) AS amount, count(*) AS events FROM events GROUP BY 1) AS sums
       USING (account_id) WHERE balances.balance <> sums.amount OR balances.version <> sums.events`,
  );
  const recorded = await primary.query<{ id: string }>(
    `SELECT id FROM transactions WHERE type = 'transfer'`,
    'payflow',
  );
  const inDatabase = new Set(recorded.map(({ id }) => id));
  const told = new Set(clients.settled.map(({ id }) => id));
  const byService = clients.attempts.filter((attempt) => attempt.byService).length;
  return {
    'sum of all entries, cents': sum,
    'accounts whose balance is not the sum of their events': wrong,
    'acknowledged transfers that are not in the database': [...told].filter((id) => !inDatabase.has(id))
      .length,
    'transfers in the database that no client was told of': [...inDatabase].filter((id) => !told.has(id))
      .length,
    'balances that differ from what the clients were told, accounts': await differing(
      primary,
      clients,
      users,
    ),
    'transfers settled': clients.settled.length,
    'transfers that needed more than one try': clients.settled.filter(({ tries }) => tries > 1).length,
    'answers that clients got from the service': byService,
    'answers that the endpoint counted': await countedByEndpoint(stack),
  };
}

/** All users began with 1,000. */
async function differing(
  primary: PostgresNode,
  { settled }: DrillClients,
  users: readonly SeededUser[],
): Promise<number> {
  const expected = new Map(users.map(({ id }) => [id, 100_000]));
  for (const { from, to, cents, completed } of settled) {
    if (!completed) continue;
    expected.set(from, (expected.get(from) ?? 0) - cents);
    expected.set(to, (expected.get(to) ?? 0) + cents);
  }
  const rows = await primary.query<{ user_id: string; balance: string }>(
    `SELECT user_id, balance FROM balances JOIN accounts ON id = account_id WHERE accounts.kind = 'wallet'`,
    'payflow',
  );
  return rows.filter(({ user_id: id, balance }) => expected.get(Number(id)) !== Number(balance)).length;
}

async function primaryOf({ postgres }: Stack): Promise<PostgresNode> {
  for (const node of postgres.nodes) {
    const rows = await node
      .query<{ replica: boolean }>('SELECT pg_is_in_recovery() AS replica')
      .catch(() => []);
    if (rows[0]?.replica === false) return node;
  }
  throw new Error('no node is the primary');
}

async function one(primary: PostgresNode, text: string): Promise<number> {
  const [row] = await primary.query<{ value: string }>(text, 'payflow');
  return Number(row?.value);
}

/** Through nginx, when two scrapes of it agree: all instances have flushed. */
export async function countedByEndpoint(stack: Stack): Promise<number> {
  const count = async (): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${stack.nginxPorts.statusPort}/metrics`);
    return sumOf(await response.text(), 'payflow_http_requests_total', {
      route: '/api/transactions/transfer',
    });
  };
  return eventually(async () => {
    const before = await count();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const after = await count();
    if (after !== before || after === 0) throw new Error('the endpoint still counts');
    return after;
  });
}

/** The sum of a metric's series that have these labels. */
export function sumOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
}
