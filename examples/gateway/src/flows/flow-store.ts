import type { PoolClient } from 'pg';

import type { FlowConfig } from '../config/gateway-config.js';
import { type Database, transaction } from './database.js';

export type FlowStatus = 'pending' | 'running' | 'compensating' | 'completed' | 'compensated' | 'cancelled';

/** Why a flow did not go on. */
export interface FlowError {
  readonly step: string;
  /** `refused`: the service said no. `failed`: it did not answer, or with an error. `cancelled`: somebody asked for it. */
  readonly reason: 'refused' | 'failed' | 'cancelled';
  readonly message: string;
  readonly status?: number;
}

export interface Flow {
  readonly id: string;
  readonly action: string;
  readonly definition: FlowConfig;
  readonly payload: unknown;
  readonly status: FlowStatus;
  readonly epoch: number;
  readonly queued: boolean;
  readonly cancelRequested: boolean;
  readonly compensationRounds: number;
  readonly error: FlowError | null;
  readonly result: unknown;
  readonly traceparent: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The right to work on a flow, until somebody else claims it. */
export interface Lease {
  readonly id: string;
  readonly epoch: number;
}

/** Another process has claimed the flow; it goes on there. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface NewFlow {
  readonly id: string;
  readonly definition: FlowConfig;
  readonly payload: unknown;
  readonly idempotencyKey: string | undefined;
  /** The process that begins at once; `undefined`: whichever process takes it. */
  readonly owner: string | undefined;
  /** A message to RabbitMQ tells of it. */
  readonly queued: boolean;
  readonly traceparent: string | undefined;
}

export const FLOW_EXCHANGE = 'gateway.flows';
export const EVENT_EXCHANGE = 'gateway.events';

const COLUMNS = `id, action, definition, payload, status, epoch, queued, cancel_requested AS "cancelRequested",
  compensation_rounds AS "compensationRounds", error, result, traceparent, created_at AS "createdAt", updated_at AS "updatedAt"`;

const OPEN = `status IN ('pending', 'running', 'compensating')`;

/** The message of a queue may be late, but a flow does not wait for it for ever. */
const QUEUE_GRACE = `interval '10 seconds'`;

/** Flows in PostgreSQL. Every write of a process that works on a flow says its epoch, and is refused if that is over. */
export class FlowStore {
  readonly #database: Database;
  readonly #leaseMs: number;

  constructor(database: Database, leaseMs: number) {
    this.#database = database;
    this.#leaseMs = leaseMs;
  }

  /** Answers the flow that has the idempotency key already, if there is one. */
  async create(flow: NewFlow): Promise<{ readonly flow: Flow; readonly created: boolean }> {
    return transaction(this.#database, async (client) => {
      const { rows } = await client.query<Flow>(
        `INSERT INTO flows (id, action, definition, payload, idempotency_key, owner, queued, traceparent, status, epoch, lease_until)
         VALUES ($1, $2, $3, $4, $5, $6::uuid, $7, $8, CASE WHEN $6 IS NULL THEN 'pending' ELSE 'running' END,
           CASE WHEN $6 IS NULL THEN 0 ELSE 1 END, CASE WHEN $6 IS NULL THEN NULL ELSE now() + $9 * interval '1 ms' END)
         ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${COLUMNS}`,
        [
          flow.id,
          flow.definition.action,
          JSON.stringify(flow.definition),
          JSON.stringify(flow.payload),
          flow.idempotencyKey ?? null,
          flow.owner ?? null,
          flow.queued,
          flow.traceparent ?? null,
          this.#leaseMs,
        ],
      );
      const [created] = rows;
      if (created !== undefined) {
        if (flow.queued) await addMessage(client, FLOW_EXCHANGE, 'run', { id: flow.id });
        return { flow: created, created: true };
      }
      const found = await client.query<Flow>(`SELECT ${COLUMNS} FROM flows WHERE idempotency_key = $1`, [
        flow.idempotencyKey,
      ]);
      return { flow: found.rows[0] as Flow, created: false };
    });
  }

  async get(id: string): Promise<Flow | undefined> {
    const { rows } = await this.#database.query<Flow>(`SELECT ${COLUMNS} FROM flows WHERE id = $1`, [id]);
    return rows[0];
  }

  /** Newest first. @param before only those created before this flow */
  async list(filter: { status?: string; action?: string; before?: string; limit: number }): Promise<Flow[]> {
    const { rows } = await this.#database.query<Flow>(
      `SELECT ${COLUMNS} FROM flows
       WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR action = $2)
         AND ($3::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM flows WHERE id = $3))
       ORDER BY created_at DESC, id DESC LIMIT $4`,
      [filter.status ?? null, filter.action ?? null, filter.before ?? null, filter.limit],
    );
    return rows;
  }

  /** Takes one flow that waits, or whose process has fallen silent. */
  async claim(
    owner: string,
    id?: string,
  ): Promise<{ readonly flow: Flow; readonly resumed: boolean } | undefined> {
    const mine =
      id === undefined
        ? `AND (NOT queued OR epoch > 0 OR created_at < now() - ${QUEUE_GRACE})`
        : 'AND id = $3';
    const { rows } = await this.#database.query<Flow & { before: FlowStatus }>(
      `WITH next AS (
         SELECT id AS next_id, status AS before FROM flows
         WHERE ${OPEN} AND run_after <= now() AND (lease_until IS NULL OR lease_until < now()) ${mine}
         ORDER BY run_after FOR UPDATE SKIP LOCKED LIMIT 1
       )
       UPDATE flows SET owner = $1, epoch = epoch + 1, lease_until = now() + $2 * interval '1 ms', updated_at = now(),
         status = CASE WHEN status = 'pending' THEN 'running' ELSE status END
       FROM next WHERE id = next_id RETURNING ${COLUMNS}, before`,
      id === undefined ? [owner, this.#leaseMs] : [owner, this.#leaseMs, id],
    );
    const [flow] = rows;
    return flow && { flow, resumed: flow.before === 'running' };
  }

  /** Goes on having the flows that it works on. */
  async renew(owner: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#database.query(
      `UPDATE flows SET lease_until = now() + $2 * interval '1 ms' WHERE owner = $1 AND id = ANY($3::uuid[]) AND ${OPEN}`,
      [owner, this.#leaseMs, ids],
    );
  }

  /** Lets another process, or this one later, go on. */
  async release(lease: Lease, afterMs = 0): Promise<void> {
    await this.#write(
      lease,
      `UPDATE flows SET owner = NULL, lease_until = NULL, run_after = now() + $3 * interval '1 ms', updated_at = now()
       WHERE id = $1 AND epoch = $2`,
      [afterMs],
    );
  }

  async beginCompensation(lease: Lease, error: FlowError): Promise<void> {
    await this.#write(
      lease,
      `UPDATE flows SET status = 'compensating', error = $3, updated_at = now() WHERE id = $1 AND epoch = $2`,
      [JSON.stringify(error)],
    );
  }

  /** Something could not be undone yet. */
  async endRound(lease: Lease, afterMs: number): Promise<void> {
    await this.#write(
      lease,
      `UPDATE flows SET owner = NULL, lease_until = NULL, compensation_rounds = compensation_rounds + 1,
         run_after = now() + $3 * interval '1 ms', updated_at = now() WHERE id = $1 AND epoch = $2`,
      [afterMs],
    );
  }

  /** The end of a flow, and the message that tells of it, in one transaction. */
  async finish(lease: Lease, status: FlowStatus, result: unknown, withEvent: boolean): Promise<void> {
    await transaction(this.#database, async (client) => {
      const { rows } = await client.query<{ action: string; error: FlowError | null }>(
        `UPDATE flows SET status = $3, result = $4, owner = NULL, lease_until = NULL, updated_at = now()
         WHERE id = $1 AND epoch = $2 AND ${OPEN} RETURNING action, error`,
        [lease.id, lease.epoch, status, JSON.stringify(result ?? null)],
      );
      const [row] = rows;
      if (row === undefined) throw new LeaseLost();
      if (!withEvent) return;
      const event = { id: lease.id, action: row.action, status, result: result ?? null, error: row.error };
      await addMessage(client, EVENT_EXCHANGE, `flow.${row.action}.${status}`, event);
    });
  }

  /** Answers false for a flow that has ended or does not exist. */
  async cancel(id: string): Promise<boolean> {
    const { rowCount } = await this.#database.query(
      `UPDATE flows SET cancel_requested = true, updated_at = now() WHERE id = $1 AND ${OPEN}`,
      [id],
    );
    return rowCount === 1;
  }

  /** How many flows are open in each status, for the metrics. */
  async countOpen(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#database.query<{ status: string; count: string }>(
      `SELECT status, count(*) FROM flows WHERE ${OPEN} GROUP BY status`,
    );
    const counts = new Map(['pending', 'running', 'compensating'].map((status) => [status, 0]));
    for (const { status, count } of rows) counts.set(status, Number(count));
    return counts;
  }

  async #write({ id, epoch }: Lease, sql: string, parameters: readonly unknown[]): Promise<void> {
    const { rowCount } = await this.#database.query(sql, [id, epoch, ...parameters]);
    if (rowCount !== 1) throw new LeaseLost();
  }
}

async function addMessage(
  client: PoolClient,
  exchange: string,
  routingKey: string,
  body: object,
): Promise<void> {
  await client.query('INSERT INTO outbox (exchange, routing_key, body) VALUES ($1, $2, $3)', [
    exchange,
    routingKey,
    JSON.stringify(body),
  ]);
}
