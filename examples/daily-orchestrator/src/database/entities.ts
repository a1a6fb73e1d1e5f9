import type { Queryable } from './database.js';

export interface AllianceDetails {
  readonly id: number;
  readonly name: string;
  readonly ticker: string;
  readonly creator_id: number;
  readonly creator_corporation_id: number;
  readonly executor_corporation_id?: number | undefined;
  readonly faction_id?: number | undefined;
  readonly date_founded: string;
}

export interface CorporationDetails {
  readonly id: number;
  readonly alliance_id?: number | undefined;
  readonly name: string;
  readonly ticker: string;
  readonly ceo_id: number;
  readonly member_count: number;
  readonly tax_rate: number;
  readonly date_founded?: string | undefined;
}

/**
 * Statements of several rows take their rows in the order of their keys: the workflow and other systems write the same rows,
 * and two statements that lock the same rows in different orders are a deadlock.
 */
export async function upsertAlliances(db: Queryable, details: readonly AllianceDetails[]): Promise<void> {
  await db.query(
    `INSERT INTO alliances (id, name, ticker, creator_id, creator_corporation_id, executor_corporation_id, faction_id,
                            founded_at, checked_at)
     SELECT id, name, ticker, creator_id, creator_corporation_id, executor_corporation_id, faction_id, date_founded, now()
     FROM jsonb_to_recordset($1::jsonb) AS d(id bigint, name text, ticker text, creator_id bigint,
       creator_corporation_id bigint, executor_corporation_id bigint, faction_id bigint, date_founded timestamptz)
     ORDER BY id
     ON CONFLICT (id) DO UPDATE SET
       name = excluded.name, ticker = excluded.ticker, creator_id = excluded.creator_id,
       creator_corporation_id = excluded.creator_corporation_id,
       executor_corporation_id = excluded.executor_corporation_id, faction_id = excluded.faction_id,
       founded_at = excluded.founded_at, checked_at = excluded.checked_at`,
    [JSON.stringify(onePerId(details))],
  );
}

export async function upsertCorporations(
  db: Queryable,
  details: readonly CorporationDetails[],
): Promise<void> {
  await db.query(
    `INSERT INTO corporations (id, alliance_id, name, ticker, ceo_id, members, tax_rate, founded_at, checked_at)
     SELECT id, alliance_id, name, ticker, ceo_id, member_count, tax_rate, date_founded, now()
     FROM jsonb_to_recordset($1::jsonb) AS d(id bigint, alliance_id bigint, name text, ticker text, ceo_id bigint,
       member_count integer, tax_rate double precision, date_founded timestamptz)
     ORDER BY id
     ON CONFLICT (id) DO UPDATE SET
       alliance_id = excluded.alliance_id, name = excluded.name, ticker = excluded.ticker, ceo_id = excluded.ceo_id,
       members = excluded.members, tax_rate = excluded.tax_rate, founded_at = excluded.founded_at,
       checked_at = excluded.checked_at`,
    [JSON.stringify(onePerId(details))],
  );
}

/** Notes all alliances of ESI's list, and which ones have left it. */
export async function noteAlliances(db: Queryable, ids: readonly number[]): Promise<void> {
  await db.query(
    `INSERT INTO alliances (id) SELECT id FROM unnest($1::bigint[]) AS id ORDER BY id
     ON CONFLICT (id) DO UPDATE SET closed_at = NULL WHERE alliances.closed_at IS NOT NULL`,
    [ids],
  );
  await db.query(
    'UPDATE alliances SET closed_at = now() WHERE closed_at IS NULL AND NOT id = ANY($1::bigint[])',
    [ids],
  );
}

export async function openAlliances(db: Queryable): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    'SELECT id FROM alliances WHERE closed_at IS NULL ORDER BY id',
  );
  return rows.map(({ id }) => id);
}

/** Notes the corporations of an alliance, and which ones have left it. */
export async function noteCorporations(
  db: Queryable,
  allianceId: number,
  ids: readonly number[],
): Promise<void> {
  await db.query(
    `INSERT INTO corporations (id, alliance_id) SELECT id, $2 FROM unnest($1::bigint[]) AS id ORDER BY id
     ON CONFLICT (id) DO UPDATE SET alliance_id = $2 WHERE corporations.alliance_id IS DISTINCT FROM $2`,
    [ids, allianceId],
  );
  await db.query(
    'UPDATE corporations SET alliance_id = NULL WHERE alliance_id = $2 AND NOT id = ANY($1::bigint[])',
    [ids, allianceId],
  );
}

/** Answers how many rows are new: a snapshot that is taken twice in one run is the same one. */
export async function snapshotAlliances(db: Queryable, runId: number): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO alliance_snapshots (run_id, alliance_id, corporations, members)
     SELECT $1, a.id, count(c.id), coalesce(sum(c.members), 0)
     FROM alliances a LEFT JOIN corporations c ON c.alliance_id = a.id
     WHERE a.closed_at IS NULL GROUP BY a.id
     ON CONFLICT DO NOTHING`,
    [runId],
  );
  return rowCount ?? 0;
}

export async function snapshotCorporations(db: Queryable, runId: number): Promise<number> {
  const { rowCount } = await db.query(
    `INSERT INTO corporation_snapshots (run_id, corporation_id, alliance_id, members)
     SELECT $1, id, alliance_id, members FROM corporations WHERE alliance_id IS NOT NULL
     ON CONFLICT DO NOTHING`,
    [runId],
  );
  return rowCount ?? 0;
}

/** One statement may write a row once; of two answers about one id the later is the newer. */
function onePerId<T extends { readonly id: number }>(details: readonly T[]): T[] {
  return [...new Map(details.map((detail) => [detail.id, detail])).values()];
}
