import { createHash } from 'node:crypto';

import type { PoolClient } from 'pg';

import { Problem } from '../http/problem.js';

/** What was answered to a request, to be answered again. */
export interface Answer {
  readonly status: number;
  /** As it was sent. */
  readonly body: string;
}

/** One request of one user, under a key that the user has chosen. */
export interface IdempotentRequest {
  readonly userId: number;
  readonly key: string;
  /** Of what was asked: the same key with another request is a mistake. */
  readonly hash: Buffer;
}

interface Row {
  readonly request_hash: Buffer;
  readonly status: number;
  readonly body: string;
}

export function requestHash(...parts: readonly unknown[]): Buffer {
  return createHash('sha256').update(JSON.stringify(parts)).digest();
}

/** The answer under this key, if there is one. @throws Problem `key-reused` */
export async function storedAnswer(
  client: PoolClient,
  request: IdempotentRequest,
): Promise<Answer | undefined> {
  const { rows } = await client.query<Row>(
    'SELECT request_hash, status, body FROM idempotency_keys WHERE user_id = $1 AND key = $2',
    [request.userId, request.key],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  if (!row.request_hash.equals(request.hash))
    throw new Problem('key-reused', 'This Idempotency-Key was used for another request. Choose a new one.');
  return { status: row.status, body: row.body };
}

/**
 * Takes the key, in the transaction that does the work. Two requests with one key: the second waits here until the first has
 * committed, and then finds its answer.
 *
 * @returns the stored answer if another request came first; undefined: the caller does the work
 */
export async function claimKey(client: PoolClient, request: IdempotentRequest): Promise<Answer | undefined> {
  const { rowCount } = await client.query(
    'INSERT INTO idempotency_keys (user_id, key, request_hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
    [request.userId, request.key, request.hash],
  );
  return rowCount === 1 ? undefined : storedAnswer(client, request);
}

/** Stores the answer in the same transaction: there is never work without an answer, nor an answer without work. */
export async function storeAnswer(
  client: PoolClient,
  request: IdempotentRequest,
  answer: Answer,
): Promise<void> {
  await client.query('UPDATE idempotency_keys SET status = $3, body = $4 WHERE user_id = $1 AND key = $2', [
    request.userId,
    request.key,
    answer.status,
    answer.body,
  ]);
}

/** Deletes keys older than `hours`. How many. */
export async function forgetKeys(client: PoolClient, hours: number): Promise<number> {
  const { rowCount } = await client.query(
    'DELETE FROM idempotency_keys WHERE created_at < now() - make_interval(hours => $1)',
    [hours],
  );
  return rowCount ?? 0;
}
