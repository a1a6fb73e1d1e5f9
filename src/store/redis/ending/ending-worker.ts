/**
 * The thread in which the last parts of a process are sent, while its main thread waits in the `exit` event. Nothing is loaded
 * here but what that takes.
 */
import { workerData } from 'node:worker_threads';

import { OrchestratorError, reason } from '../../../errors.js';
import type { RedisTarget } from '../connection/client.js';
import { APPLY } from '../scripts/apply.js';
import { END_LEASES } from '../scripts/end-leases.js';
import { redisKeys } from '../scripts/keys.js';
import { LOCK } from '../scripts/lock.js';
import { type KnownNode, RespConnection } from './resp-connection.js';
import { type LastParts, sendLast } from '../writing/last-parts.js';
import { EndingReport } from './ending-report.js';

/** What the thread gets. */
export interface EndingWork {
  readonly target: RedisTarget;
  readonly known: KnownNode | undefined;
  readonly last: LastParts;
  /** That this instance has, and how long each lasts when it is new. */
  readonly locks: ReadonlyArray<readonly [name: string, fullMs: number]>;
  readonly report: SharedArrayBuffer;
}

void work(workerData as EndingWork);

async function work({ target, known, last, locks, report }: EndingWork): Promise<void> {
  const answer = new EndingReport(report);
  try {
    const connection = await RespConnection.open(target, known);
    const outcome = await sendLast((call) => connection.run(APPLY, call), last, 'own');
    if (outcome === 'away') answer.give('refused', 'the store was away for too long to tell what it has.');
    else {
      await endLease(connection, last, locks).catch(() => undefined);
      answer.give('sent', '');
    }
    connection.close();
  } catch (error) {
    // What the data of the project refuse they would refuse another process, too.
    answer.give(error instanceof OrchestratorError ? 'refused' : 'failed', reason(error));
  }
}

async function endLease(
  connection: RespConnection,
  { prefix, instance: { lease }, keyTtlMs }: LastParts,
  locks: EndingWork['locks'],
): Promise<void> {
  const keys = redisKeys(prefix);
  await connection.run(END_LEASES, { keys, leases: [lease], when: 'now', keyTtlMs });
  for (const [name, fullMs] of locks)
    await connection.run(LOCK, { key: keys.lock(name), lease, ms: 1, fullMs });
}
