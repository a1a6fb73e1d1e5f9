/**
 * Keeps the process alive until `work` is settled. Nothing of this package does so by itself; but a script whose last
 * statement awaits `shutdown()` would end in the middle of it (exit code 13).
 */
export async function keepAlive<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, MAX_TIMER_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

const MAX_TIMER_MS = 2 ** 31 - 1;
