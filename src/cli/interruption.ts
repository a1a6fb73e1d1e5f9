/** Who asked for the end, once somebody has. */
export type Interruption = AbortSignal;

/** Resolves with `interrupted` when somebody asks for the end. */
export function interrupted(signal: Interruption): Promise<'interrupted'> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve('interrupted');
    signal.addEventListener('abort', () => resolve('interrupted'), { once: true });
  });
}
