import type { Queryable } from './database.js';

/** An answer of ESI as it is kept: the next request sends its ETag, and none is sent before it expires. */
export interface EsiAnswer {
  readonly path: string;
  readonly etag: string | null;
  readonly expiresAt: Date;
  readonly body: unknown;
}

export async function readAnswer(db: Queryable, path: string): Promise<EsiAnswer | undefined> {
  const { rows } = await db.query<EsiAnswer>(
    'SELECT path, etag, expires_at AS "expiresAt", body FROM esi_answers WHERE path = $1',
    [path],
  );
  return rows[0];
}

export async function saveAnswers(db: Queryable, answers: readonly EsiAnswer[]): Promise<void> {
  const newest = [...new Map(answers.map((answer) => [answer.path, answer])).values()];
  await db.query(
    `INSERT INTO esi_answers (path, etag, expires_at, body)
     SELECT path, etag, "expiresAt", body
     FROM jsonb_to_recordset($1::jsonb) AS a(path text, etag text, "expiresAt" timestamptz, body jsonb)
     ORDER BY path
     ON CONFLICT (path) DO UPDATE SET etag = excluded.etag, expires_at = excluded.expires_at, body = excluded.body`,
    [JSON.stringify(newest)],
  );
}
