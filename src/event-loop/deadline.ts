import { OrchestratorError } from '../errors.js';

/**
 * Rejects with ORCHESTRATOR_STORE_UNAVAILABLE when `work` takes longer. The timer does not keep the process alive; what
 * `work` comes to afterwards is ignored.
 */
export async function deadline<T>(work: Promise<T>, milliseconds: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new OrchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', message())),
      milliseconds,
    );
    timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    work.catch(() => undefined);
  }
}
