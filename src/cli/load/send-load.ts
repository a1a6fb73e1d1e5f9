import { setTimeout as sleep } from 'node:timers/promises';

/** What is sent, at most. */
export interface LoadPlan {
  readonly urls: readonly URL[];
  /** Requests per second. */
  readonly rate: number;
  readonly ms: number;
  /** Requests under way at once; more wait, and are left out when the time is over. */
  readonly connections: number;
}

/** What came back. */
export interface LoadResult {
  readonly sent: number;
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Requests without an answer, by what went wrong. */
  readonly failures: ReadonlyMap<string, number>;
  /** Milliseconds, ascending. */
  readonly durationsMs: readonly number[];
  readonly elapsedMs: number;
}

/** How often the sender looks whether requests are due. */
const TICK_MS = 20;
const TIMEOUT_MS = 10_000;

/** Sends GET requests at an even rate until the time is over or the signal comes; each of the URLs in turn. */
export async function sendLoad(
  { urls, rate, ms, connections }: LoadPlan,
  signal: AbortSignal,
  told: (result: LoadResult) => void = () => undefined,
): Promise<LoadResult> {
  const statuses = new Map<number, number>();
  const failures = new Map<string, number>();
  const durationsMs: number[] = [];
  const running = new Set<Promise<void>>();
  const begin = performance.now();
  let sent = 0;
  const result = (): LoadResult => ({
    sent,
    statuses,
    failures,
    durationsMs: durationsMs.toSorted((a, b) => a - b),
    elapsedMs: performance.now() - begin,
  });
  const ask = async (url: URL): Promise<void> => {
    const asked = performance.now();
    try {
      const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT_MS) });
      await response.arrayBuffer();
      statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
      durationsMs.push(performance.now() - asked);
    } catch (error) {
      const why = failureOf(error);
      failures.set(why, (failures.get(why) ?? 0) + 1);
    }
  };
  for (let elapsed = 0; elapsed < ms && !signal.aborted; elapsed = performance.now() - begin) {
    const due = Math.floor((elapsed / 1000) * rate) + 1;
    while (sent < due && running.size < connections) {
      const url = urls[sent % urls.length];
      if (url === undefined) break;
      const one = ask(url).finally(() => running.delete(one));
      running.add(one);
      sent += 1;
    }
    told(result());
    await sleep(TICK_MS, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(running);
  return result();
}

/** `fetch failed` says nothing; its cause does. */
function failureOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  if (cause.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  return 'code' in cause ? String(cause.code) : cause.message || cause.name;
}
