import { OrchestratorError } from '../errors.js';

/**
 * Rejects when `work` takes longer than `milliseconds`: with the error that `late` returns, or with
 * ORCHESTRATOR_STORE_UNAVAILABLE and the message that it returns. The timer does not keep the process alive. The later
 * outcome of `work` is ignored.
 */
export async function deadline<T>(
  work: Promise<T>,
  milliseconds: number,
  late: () => string | Error,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(errorOf(late())), milliseconds);
    timer.unref();
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}

function errorOf(late: string | Error): Error {
  return typeof late === 'string' ? new OrchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', late) : late;
}
