import type { Database } from './database.js';
import { type Lease, LeaseLost } from './flow-store.js';
import type { FilledRequest } from './step-request.js';

export type StepStatus =
  | 'running'
  | 'done'
  | 'skipped'
  | 'refused'
  | 'unknown'
  | 'compensating'
  | 'compensated';

export interface StepRecord {
  readonly step: string;
  readonly seq: number;
  readonly status: StepStatus;
  readonly request: FilledRequest | null;
  readonly result: unknown;
  readonly error: string | null;
  readonly attempts: number;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** What a step began with. */
export interface Started {
  /** As it was sent first. */
  readonly request: FilledRequest;
  readonly cancelRequested: boolean;
}

/** What became of each step of a flow: written before a request is sent, and after its answer. */
export class StepJournal {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read(flowId: string): Promise<StepRecord[]> {
    const { rows } = await this.#database.query<StepRecord>(
      `SELECT step, seq, status, request, result, error, attempts, started_at AS "startedAt", finished_at AS "finishedAt"
       FROM flow_steps WHERE flow_id = $1 ORDER BY seq`,
      [flowId],
    );
    return rows;
  }

  /** Before a request of a step is sent. A step that began before sends what it sent then. @throws LeaseLost */
  async start({ id, epoch }: Lease, step: string, request: FilledRequest): Promise<Started> {
    const { rows } = await this.#database.query<Started>(
      `WITH held AS (SELECT cancel_requested FROM flows WHERE id = $1 AND epoch = $2 FOR UPDATE),
       begun AS (
         INSERT INTO flow_steps (flow_id, step, seq, status, request, attempts)
         SELECT $1, $3, (SELECT count(*) FROM flow_steps WHERE flow_id = $1), 'running', $4, 1 FROM held WHERE NOT cancel_requested
         ON CONFLICT (flow_id, step) DO UPDATE SET attempts = flow_steps.attempts + 1, status = 'running'
         RETURNING request
       )
       SELECT cancel_requested AS "cancelRequested", (SELECT request FROM begun) AS request FROM held`,
      [id, epoch, step, JSON.stringify(request)],
    );
    const [started] = rows;
    if (started === undefined) throw new LeaseLost();
    return started;
  }

  /** After the answer. @throws LeaseLost */
  async finish(
    lease: Lease,
    step: string,
    status: StepStatus,
    result: unknown,
    error: string | null,
  ): Promise<void> {
    await this.#update(lease, step, status, `result = $5, error = $6, finished_at = now()`, [
      JSON.stringify(result ?? null),
      error,
    ]);
  }

  /** A step whose condition is not met. @throws LeaseLost */
  async skip({ id, epoch }: Lease, step: string): Promise<void> {
    const { rowCount } = await this.#database.query(
      `WITH held AS (SELECT 1 FROM flows WHERE id = $1 AND epoch = $2 FOR UPDATE)
       INSERT INTO flow_steps (flow_id, step, seq, status, finished_at)
       SELECT $1, $3, (SELECT count(*) FROM flow_steps WHERE flow_id = $1), 'skipped', now() FROM held
       ON CONFLICT (flow_id, step) DO UPDATE SET status = 'skipped'`,
      [id, epoch, step],
    );
    if (rowCount !== 1) throw new LeaseLost();
  }

  /** @throws LeaseLost */
  async mark(
    lease: Lease,
    step: string,
    status: 'compensating' | 'compensated',
    error: string | null,
  ): Promise<void> {
    await this.#update(lease, step, status, 'error = coalesce($5, error)', [error]);
  }

  async #update(
    { id, epoch }: Lease,
    step: string,
    status: StepStatus,
    set: string,
    more: readonly unknown[],
  ): Promise<void> {
    const { rowCount } = await this.#database.query(
      `UPDATE flow_steps SET status = $4, ${set}
       WHERE flow_id = $1 AND step = $3 AND EXISTS (SELECT 1 FROM flows WHERE id = $1 AND epoch = $2 FOR UPDATE)`,
      [id, epoch, step, status, ...more],
    );
    if (rowCount !== 1) throw new LeaseLost();
  }
}
