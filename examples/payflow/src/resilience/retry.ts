import { ExponentialBackoff, handleWhen, retry, type RetryPolicy } from 'cockatiel';

import { isConflict, isUnavailable } from '../database/database-errors.js';

/** A read that no server could answer is tried so often again: a failover takes longer, and the caller should hear of it. */
const READ_ATTEMPTS = 2;
const MAX_DELAY_MS = 500;

/** Retries with exponential back-off and jitter (cockatiel's default: decorrelated). */
export class Retry {
  readonly #conflicts: RetryPolicy;
  readonly #outages: RetryPolicy;

  /** @param attempts retries at most, after the first try */
  constructor(attempts: number, baseDelayMs: number) {
    const backoff = new ExponentialBackoff({ initialDelay: baseDelayMs, maxDelay: MAX_DELAY_MS });
    this.#conflicts = retry(handleWhen(isConflict), { maxAttempts: attempts, backoff });
    this.#outages = retry(handleWhen(isUnavailable), {
      maxAttempts: Math.min(attempts, READ_ATTEMPTS),
      backoff,
    });
  }

  /** For transactions: another one came first. */
  async whenConflict<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#conflicts.execute(work);
  }

  /** For what may be repeated without harm. */
  async whenUnavailable<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#outages.execute(work);
  }
}
