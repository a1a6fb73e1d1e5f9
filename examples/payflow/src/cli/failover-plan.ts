import { setTimeout as sleep } from 'node:timers/promises';

import { Client } from 'pg';

/** A PostgreSQL server of the cluster, as a superuser reaches it. */
export interface Node {
  readonly host: string;
  readonly port: number;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

interface NodeState {
  readonly node: Node;
  readonly name: string;
  readonly primary: boolean;
  /** Position up to which it has received the log. */
  readonly received: bigint;
}

const CONNECT_TIMEOUT_MS = 2000;
const PROMOTE_SECONDS = 30;
const FENCED_WITHIN_MS = 10_000;
const FENCED_POLL_MS = 200;

/** The state of a server; undefined if it does not answer. */
async function stateOf(node: Node, credentials: Credentials): Promise<NodeState | undefined> {
  try {
    const [row] = await query<{ name: string; primary: boolean; received: string | null }>(
      node,
      credentials,
      `SELECT current_setting('cluster_name') AS name, NOT pg_is_in_recovery() AS primary,
         CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0' END AS received`,
    );
    if (row === undefined) return undefined;
    return { node, name: row.name, primary: row.primary, received: BigInt(row.received ?? 0) };
  } catch {
    return undefined;
  }
}

export interface FailoverReport {
  readonly promoted: string;
  readonly repointed: readonly string[];
}

/**
 * Replaces a primary that is gone: promotes the replica that has received most, which has every acknowledged transaction,
 * because a commit waited for one of them; points the others at it.
 *
 * @throws PrimaryAnswersError two primaries would be worse than none
 */
export async function failOver(nodes: readonly Node[], credentials: Credentials): Promise<FailoverReport> {
  const states = (await Promise.all(nodes.map(async (node) => stateOf(node, credentials)))).filter(
    (state) => state !== undefined,
  );
  const primary = states.find((state) => state.primary);
  if (primary !== undefined)
    throw new PrimaryAnswersError(`${textOf(primary.node)} is the primary and answers: fence it first`);
  const [best, ...others] = states.toSorted((a, b) => (a.received > b.received ? -1 : 1));
  if (best === undefined) throw new Error('no replica answers');
  await query(best.node, credentials, `SELECT pg_promote(true, ${PROMOTE_SECONDS})`);
  for (const other of others) {
    const source = `host=${best.node.host} port=${best.node.port} user=${credentials.user} application_name=${other.name}`;
    const secret = credentials.password === '' ? '' : ` password=${credentials.password}`;
    await query(
      other.node,
      credentials,
      `ALTER SYSTEM SET primary_conninfo = '${(source + secret).replaceAll("'", "''")}'`,
    );
    await query(other.node, credentials, 'SELECT pg_reload_conf()');
  }
  return { promoted: textOf(best.node), repointed: others.map(({ node }) => textOf(node)) };
}

/** As `failOver`, but an old primary may take some seconds to be gone after it was told to. */
export async function failOverFenced(
  nodes: readonly Node[],
  credentials: Credentials,
): Promise<FailoverReport> {
  const end = Date.now() + FENCED_WITHIN_MS;
  for (;;) {
    try {
      return await failOver(nodes, credentials);
    } catch (error) {
      if (!(error instanceof PrimaryAnswersError) || Date.now() > end) throw error;
    }
    await sleep(FENCED_POLL_MS);
  }
}

/** The old primary still answers, so nothing was promoted. */
export class PrimaryAnswersError extends Error {
  override readonly name = 'PrimaryAnswersError';
}

function textOf({ host, port }: Node): string {
  return `${host}:${port}`;
}

async function query<Row extends object>(
  { host, port }: Node,
  { user, password }: Credentials,
  text: string,
): Promise<Row[]> {
  const client = new Client({
    host,
    port,
    user,
    password,
    database: 'postgres',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: (PROMOTE_SECONDS + 5) * 1000,
  });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
