import { Client } from 'pg';

import { connection, UNKNOWN, type DatabaseServer, type ServerStatus } from './database-server.js';

interface Row {
  readonly replica: boolean;
  readonly position: string | null;
  readonly timeline: number | null;
  readonly seconds: string | null;
}

// The functions of one role fail in the other; CASE calls only one of them.
const LOOK = `
  SELECT pg_is_in_recovery() AS replica,
         CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0' AS position,
         CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
              ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END AS timeline,
         CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
              THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) ELSE 0 END AS seconds`;

/** Looks at one server over a connection of its own, so that a pool that is used up does not make a server look dead. */
export class Probe {
  readonly #server: DatabaseServer;
  #client: Client | undefined;

  constructor(server: DatabaseServer) {
    this.#server = server;
  }

  /** What the server says, or that it is down. Never rejects. */
  async look(): Promise<ServerStatus> {
    try {
      const client = await this.#connected();
      const { rows } = await client.query<Row>(LOOK);
      return statusOf(rows[0]);
    } catch {
      await this.close();
      return UNKNOWN;
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

function statusOf(row: Row | undefined): ServerStatus {
  if (row === undefined) return UNKNOWN;
  return {
    up: true,
    role: row.replica ? 'replica' : 'primary',
    position: BigInt(row.position ?? 0),
    timeline: row.timeline ?? 0,
    lagMs: Math.max(0, Math.round(Number(row.seconds ?? 0) * 1000)),
  };
}
