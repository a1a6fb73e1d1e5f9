import { Client } from 'pg';

import { connection, type DatabaseServer, type Role } from './database-server.js';

interface Row {
  readonly replica: boolean;
  readonly position: string | null;
  readonly timeline: number | null;
  readonly behind: boolean | null;
  readonly streaming: boolean;
  readonly age: string | null;
}

// The functions of one role fail in the other; CASE calls only one of them. A role without the rights of pg_read_all_stats sees
// that there is a WAL receiver, but no status of it. A replica that was restarted and has replayed no transaction since has at
// least everything up to its last checkpoint.
const LOOK = `
  SELECT pg_is_in_recovery() AS replica,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0' AS position,
         CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
              ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
         pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() AS behind,
         EXISTS (SELECT 1 FROM pg_stat_wal_receiver WHERE coalesce(status, 'streaming') = 'streaming') AS streaming,
         extract(epoch FROM clock_timestamp() - coalesce(pg_last_xact_replay_timestamp(),
           (SELECT checkpoint_time FROM pg_control_checkpoint()))) AS age`;

/** What a server says of itself. How far a replica is behind depends on the primary too: see `lagOf`. */
export interface Observation {
  readonly up: boolean;
  readonly role: Role;
  readonly position: bigint;
  readonly timeline: number;
  /** Whether a replica has received more than it has replayed. */
  readonly behind: boolean;
  /** Whether a replica is connected to a primary. */
  readonly streaming: boolean;
  /** Since the newest transaction that a replica has replayed. */
  readonly ageMs: number;
}

export const NOT_SEEN: Observation = {
  up: false,
  role: 'unknown',
  position: 0n,
  timeline: 0,
  behind: false,
  streaming: false,
  ageMs: 0,
};

/**
 * A replica that has replayed all that it received is not behind, unless it receives nothing: without a connection to a primary
 * that has written more since, it is as old as what it has replayed last. Without any primary there is nothing newer to read,
 * so the replicas go on.
 */
export function lagOf(
  { role, behind, streaming, position, ageMs }: Observation,
  primaryPosition: bigint | undefined,
): number {
  if (role !== 'replica') return 0;
  const cutOff = !streaming && primaryPosition !== undefined && primaryPosition > position;
  return behind || cutOff ? ageMs : 0;
}

/** Looks at one server over a connection of its own, so that a pool that is used up does not make a server look dead. */
export class Probe {
  readonly #server: DatabaseServer;
  #client: Client | undefined;

  constructor(server: DatabaseServer) {
    this.#server = server;
  }

  /** What the server says, or that it is down. Never rejects. */
  async look(): Promise<Observation> {
    try {
      const client = await this.#connected();
      const { rows } = await client.query<Row>(LOOK);
      return observationOf(rows[0]);
    } catch {
      await this.close();
      return NOT_SEEN;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A server that does not answer does not take leave either.
    if (client !== undefined) void client.end().catch(() => undefined);
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client;
    const { address } = this.#server;
    const client = new Client({
      ...connection({ ...address, queryTimeoutMs: address.connectTimeoutMs }),
      application_name: 'payflow-probe',
    });
    client.on('error', () => {
      if (this.#client === client) this.#client = undefined;
    });
    try {
      await client.connect();
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    return client;
  }
}

function observationOf(row: Row | undefined): Observation {
  if (row === undefined) return NOT_SEEN;
  return {
    up: true,
    role: row.replica ? 'replica' : 'primary',
    position: BigInt(row.position ?? 0),
    timeline: row.timeline ?? 0,
    behind: row.behind === true,
    streaming: row.streaming,
    ageMs: Math.max(0, Math.round(Number(row.age ?? 0) * 1000)),
  };
}
