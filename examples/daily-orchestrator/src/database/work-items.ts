import type { Queryable } from './database.js';

/** Where one item of a run is. */
export interface ItemState {
  readonly run: 'running' | 'succeeded' | 'failed' | 'abandoned';
  readonly item: 'queued' | 'done' | 'dead' | null;
}

/** Notes that a run puts these ids into a queue; those that it has noted before stay as they are. Answers how many are new. */
export async function noteItems(
  db: Queryable,
  runId: number,
  queue: string,
  ids: readonly number[],
): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO work_items (run_id, queue, item_id)
     SELECT $1, $2, id FROM unnest($3::bigint[]) AS id ORDER BY id
     ON CONFLICT DO NOTHING`,
    [runId, queue, ids],
  );
  return rowCount ?? 0;
}

/** The ids that a run has put, or is about to put, into a queue, and that no worker has finished. */
export async function queuedItems(
  db: Queryable,
  runId: number,
  queue: string,
  among?: readonly number[],
): Promise<number[]> {
  const { rows } = await db.query<{ item_id: number }>(
    `SELECT item_id FROM work_items
     WHERE run_id = $1 AND queue = $2 AND state = 'queued' AND ($3::bigint[] IS NULL OR item_id = ANY($3))
     ORDER BY item_id`,
    [runId, queue, among ?? null],
  );
  return rows.map(({ item_id }) => item_id);
}

/** Dead items of steps that are still to be done are queued again. Answers how many. */
export async function reviveItems(
  db: Queryable,
  runId: number,
  drained: ReadonlyArray<{ readonly step: string; readonly queue: string }>,
): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE work_items w SET state = 'queued', reason = NULL, updated_at = now()
     FROM unnest($2::text[], $3::text[]) AS d(step, queue) JOIN run_steps s USING (step)
     WHERE s.run_id = $1 AND s.state IN ('pending', 'running')
       AND w.run_id = $1 AND w.queue = d.queue AND w.state = 'dead'`,
    [runId, drained.map(({ step }) => step), drained.map(({ queue }) => queue)],
  );
  return rowCount ?? 0;
}

export interface ItemCounts {
  readonly queued: number;
  readonly done: number;
  readonly dead: number;
}

export async function countItems(db: Queryable, runId: number, queue: string): Promise<ItemCounts> {
  const { rows } = await db.query<ItemCounts>(
    `SELECT count(*) FILTER (WHERE state = 'queued')::int AS queued,
            count(*) FILTER (WHERE state = 'done')::int AS done,
            count(*) FILTER (WHERE state = 'dead')::int AS dead
     FROM work_items WHERE run_id = $1 AND queue = $2`,
    [runId, queue],
  );
  return rows[0] ?? { queued: 0, done: 0, dead: 0 };
}

/** Undefined when there is no such run. */
export async function itemState(
  db: Queryable,
  runId: number,
  queue: string,
  id: number,
): Promise<ItemState | undefined> {
  const { rows } = await db.query<ItemState>(
    `SELECT r.state AS run, i.state AS item
     FROM runs r LEFT JOIN work_items i ON i.run_id = r.id AND i.queue = $2 AND i.item_id = $3
     WHERE r.id = $1`,
    [runId, queue, id],
  );
  return rows[0];
}

export interface Finished {
  readonly runId: number;
  readonly id: number;
  readonly state: 'done' | 'dead';
  readonly reason?: string | undefined;
}

/** Marks items as finished. Answers those that were not finished before: each item is answered once, whatever happens. */
export async function finishItems(
  db: Queryable,
  queue: string,
  items: readonly Finished[],
): Promise<Array<{ state: 'done' | 'dead' }>> {
  const { rows } = await db.query<{ state: 'done' | 'dead' }>(
    `WITH finished AS (
       SELECT run_id, item_id, min(state) AS state, min(reason) AS reason
       FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[]) AS f(run_id, item_id, state, reason)
       GROUP BY run_id, item_id
     ), locked AS (
       SELECT w.run_id, w.item_id FROM work_items w JOIN finished USING (run_id, item_id)
       WHERE w.queue = $1 AND w.state = 'queued' ORDER BY w.run_id, w.item_id FOR UPDATE OF w
     )
     UPDATE work_items w SET state = f.state, reason = f.reason, updated_at = now()
     FROM locked JOIN finished f USING (run_id, item_id)
     WHERE w.queue = $1 AND w.run_id = locked.run_id AND w.item_id = locked.item_id
     RETURNING w.state`,
    [
      queue,
      items.map(({ runId }) => runId),
      items.map(({ id }) => id),
      items.map(({ state }) => state),
      items.map(({ reason }) => reason ?? null),
    ],
  );
  return rows;
}
