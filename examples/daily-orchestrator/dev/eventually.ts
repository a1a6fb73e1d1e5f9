import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `attempt` until it does not throw. Throws its last error after `deadlineMs`, which is generous: a busy machine is no defect. */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  deadlineMs = 60_000,
  everyMs = 100,
): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(everyMs);
  }
}
