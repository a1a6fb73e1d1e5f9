import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds after which the last failure is thrown; generous, since a loaded machine is no defect. Default 30000. */
  readonly deadlineMs?: number;
  /** Milliseconds between two attempts. Default 50. */
  readonly everyMs?: number;
  /** True when no further attempt can succeed. */
  readonly giveUp?: () => boolean;
}

/** Calls `attempt` until it does not throw, and returns what it returned. Throws its last error after the deadline. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<T> {
  const deadline = Date.now() + (options.deadlineMs ?? 30_000);
  for (;;) {
    const last = Date.now() >= deadline || options.giveUp?.() === true;
    try {
      return await attempt();
    } catch (error) {
      if (last) throw error;
    }
    await sleep(options.everyMs ?? 50);
  }
}
