import { type Inputs, useEffect } from 'preact/hooks';

import { ask, type Reply } from './ask.js';
import { Poll } from './poll.js';

export interface Question<T> {
  /** Where to ask now, relative to the page. */
  readonly path: () => string;
  /** Gets each answer, and each failure; answers after how many milliseconds to ask again if all is well. */
  readonly take: (reply: Reply<T>) => number;
  /** False: nothing is asked. */
  readonly isOn: boolean;
}

/** Asks again and again, and anew when one of `inputs` is another one. */
export function useAnswers<T>({ path, take, isOn }: Question<T>, inputs: Inputs): void {
  useEffect(() => {
    if (!isOn) return undefined;
    let known: string | undefined;
    const poll = new Poll(async (signal) => {
      const reply = await ask<T>(path(), known, signal);
      if (reply.kind === 'answer') known = reply.etag;
      return { waitMs: take(reply), failed: reply.kind === 'failed' || reply.kind === 'token needed' };
    });
    poll.start();
    return () => poll.stop();
  }, [isOn, ...inputs]);
}
