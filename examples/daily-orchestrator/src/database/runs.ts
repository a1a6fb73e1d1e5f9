import { inTransaction, type Database, type Queryable } from './database.js';

/** `step`: somebody runs the steps one by one, and the daemon keeps out of it. */
export type Trigger = 'schedule' | 'catch-up' | 'manual' | 'step';
export type RunState = 'running' | 'succeeded' | 'failed' | 'abandoned';
export type StepState = 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped';

export interface Run {
  readonly id: number;
  readonly trigger: Trigger;
  readonly scheduledFor: Date | null;
  readonly state: RunState;
  readonly owner: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly error: string | null;
}

export interface StepRow {
  readonly step: string;
  readonly position: number;
  readonly state: StepState;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly attempts: number;
  readonly workedMs: number;
  readonly items: number;
  readonly error: string | null;
}

const RUN = `id, trigger, scheduled_for AS "scheduledFor", state, owner, started_at AS "startedAt", ended_at AS "endedAt", error`;
const STEP = `step, position, state, started_at AS "startedAt", ended_at AS "endedAt", attempts, worked_ms AS "workedMs", items, error`;

/** The run has been taken over by another process. */
export class NotOwner extends Error {
  constructor(runId: number) {
    super(`run ${runId} belongs to another process now`);
    this.name = 'NotOwner';
  }
}

/** A run with its steps, all pending; those before `from` are skipped. */
export async function createRun(
  database: Database,
  run: { trigger: Trigger; scheduledFor: Date | null; owner: string },
  steps: readonly string[],
  from?: string,
): Promise<Run> {
  return inTransaction(database, async (db) => {
    const { rows } = await db.query<Run>(
      `INSERT INTO runs (trigger, scheduled_for, state, owner) VALUES ($1, $2, 'running', $3) RETURNING ${RUN}`,
      [run.trigger, run.scheduledFor, run.owner],
    );
    const created = required(rows[0]);
    const first = from === undefined ? 0 : steps.indexOf(from);
    await db.query(
      `INSERT INTO run_steps (run_id, step, position, state)
       SELECT $1, step, position, CASE WHEN position <= $3 THEN 'skipped' ELSE 'pending' END
       FROM unnest($2::text[]) WITH ORDINALITY AS s(step, position)`,
      [created.id, steps, first],
    );
    return created;
  });
}

export async function newestRun(db: Queryable): Promise<Run | undefined> {
  const { rows } = await db.query<Run>(`SELECT ${RUN} FROM runs ORDER BY id DESC LIMIT 1`);
  return rows[0];
}

export async function newestRuns(db: Queryable, count: number): Promise<Run[]> {
  const { rows } = await db.query<Run>(`SELECT ${RUN} FROM runs ORDER BY id DESC LIMIT $1`, [count]);
  return rows;
}

export async function runScheduledFor(db: Queryable, at: Date): Promise<Run | undefined> {
  const { rows } = await db.query<Run>(`SELECT ${RUN} FROM runs WHERE scheduled_for = $1`, [at]);
  return rows[0];
}

/** When the schedule began: at the first start of a daemon. */
export async function scheduleBegan(db: Queryable, now: Date): Promise<Date> {
  await db.query('INSERT INTO schedule (since) VALUES ($1) ON CONFLICT DO NOTHING', [now]);
  const { rows } = await db.query<{ since: Date }>('SELECT since FROM schedule');
  return required(rows[0]).since;
}

/**
 * Takes over a run that was interrupted or has failed. A step that failed gets its whole time limit again; one that was
 * interrupted keeps what it has used.
 *
 * @param from go on with this step: those before it that did not succeed are skipped, those after it are done again. Items that
 *   are finished stay finished
 */
export async function takeOver(
  database: Database,
  runId: number,
  owner: string,
  from?: string,
): Promise<Run> {
  return inTransaction(database, async (db) => {
    const { rows } = await db.query<Run>(
      `UPDATE runs SET state = 'running', owner = $2, ended_at = NULL, error = NULL WHERE id = $1 RETURNING ${RUN}`,
      [runId, owner],
    );
    await db.query(
      `UPDATE run_steps SET state = 'pending', worked_ms = 0, error = NULL, ended_at = NULL
       WHERE run_id = $1 AND (state = 'failed'
         OR position >= (SELECT position FROM run_steps WHERE run_id = $1 AND step = $2))`,
      [runId, from ?? null],
    );
    if (from !== undefined) {
      await db.query(
        `UPDATE run_steps SET state = 'skipped' WHERE run_id = $1 AND state <> 'succeeded'
           AND position < (SELECT position FROM run_steps WHERE run_id = $1 AND step = $2)`,
        [runId, from],
      );
    }
    return required(rows[0]);
  });
}

/** An interrupted run whose day is over. */
export async function abandon(db: Queryable, runId: number): Promise<void> {
  await db.query(
    `UPDATE runs SET state = 'abandoned', ended_at = now(), error = 'a newer run began' WHERE id = $1`,
    [runId],
  );
}

export async function stepsOf(db: Queryable, runId: number): Promise<StepRow[]> {
  const { rows } = await db.query<StepRow>(
    `SELECT ${STEP} FROM run_steps WHERE run_id = $1 ORDER BY position`,
    [runId],
  );
  return rows;
}

export type StepChange = Partial<{
  state: StepState;
  items: number;
  error: string | null;
  workedMs: number;
}>;

/** Throws {@link NotOwner} if the run was taken over: the previous owner changes nothing any more. */
export async function changeStep(
  db: Queryable,
  { id, owner }: Pick<Run, 'id' | 'owner'>,
  step: string,
  { state, items, error, workedMs }: StepChange,
): Promise<void> {
  const { rowCount } = await db.query(
    `UPDATE run_steps s SET
       state = coalesce($4, s.state), items = coalesce($5, s.items), error = coalesce($6, s.error),
       worked_ms = coalesce($7, s.worked_ms),
       attempts = s.attempts + CASE WHEN $4 = 'running' THEN 1 ELSE 0 END,
       started_at = CASE WHEN $4 = 'running' THEN coalesce(s.started_at, now()) ELSE s.started_at END,
       ended_at = CASE WHEN $4 IN ('succeeded', 'failed') THEN now() ELSE s.ended_at END
     FROM runs r WHERE r.id = s.run_id AND s.run_id = $1 AND s.step = $3 AND r.owner = $2`,
    [id, owner, step, state ?? null, items ?? null, error ?? null, workedMs ?? null],
  );
  if (rowCount === 0) throw new NotOwner(id);
}

export async function endRun(
  db: Queryable,
  { id, owner }: Pick<Run, 'id' | 'owner'>,
  state: 'succeeded' | 'failed',
  error?: string,
): Promise<void> {
  const { rowCount } = await db.query(
    'UPDATE runs SET state = $3, ended_at = now(), error = $4 WHERE id = $1 AND owner = $2',
    [id, owner, state, error ?? null],
  );
  if (rowCount === 0) throw new NotOwner(id);
}

/** Items of old runs are of no use; runs, steps and snapshots stay. */
export async function forgetOldItems(db: Queryable): Promise<void> {
  await db.query(
    `DELETE FROM work_items WHERE run_id IN
       (SELECT id FROM runs WHERE state <> 'running' AND started_at < now() - interval '7 days')`,
  );
}

function required<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('the database answered no row');
  return row;
}
