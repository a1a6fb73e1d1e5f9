import { orchestratorError } from '../errors.js';
import { settledWithin } from '../event-loop/deadline.js';
import { awakened } from './running.js';

/** Options of {@link flush}. */
export interface FlushOptions {
  /** Milliseconds after which it is not waited for any longer; above 0. Default: 1000. */
  readonly timeoutMs?: number | undefined;
}

const DEFAULT_TIMEOUT_MS = 1000;
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * Sends what was recorded so far, without waiting for the interval. For a platform that freezes a process between two calls, as
 * functions in a cloud: call it at the end of each. Keeps the process alive meanwhile.
 *
 * @example
 * ```ts
 * const isSent = await flush({ timeoutMs: 500 });
 * ```
 *
 * @returns whether it is in the store. If not, it stays in memory and is sent with the next flush; the reason is a warning.
 * True when nothing runs
 * @throws ORCHESTRATOR_INVALID_SETTING for a timeout that is not allowed
 */
export async function flush({ timeoutMs = DEFAULT_TIMEOUT_MS }: FlushOptions = {}): Promise<boolean> {
  if (!(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    const allowed = `milliseconds, a number above 0 and up to ${MAX_TIMEOUT_MS}`;
    const values = { option: 'timeoutMs', value: String(timeoutMs), allowed };
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'option', values);
  }
  const orchestrator = awakened();
  if (orchestrator === undefined) return true;
  let isSent = false;
  const sending = orchestrator.flush().then(
    () => (isSent = true),
    () => undefined,
  );
  await settledWithin(sending, timeoutMs);
  return isSent;
}
