import { BroadcastChannel, getEnvironmentData, setEnvironmentData, threadId } from 'node:worker_threads';

import { settledWithin } from '../../event-loop/deadline.js';

const KEY = '@org/orchestrator/threads';
const CHANNEL = `${KEY}/${process.pid}`;

/** One for each thread that takes part, by its number. */
const SLOTS = 1024;
const GONE = 0;
const RUNNING = 1;

const POLL_MS = 5;

/** Milliseconds within which a thread has to have flushed; or that the end does not come. */
export type ThreadMessage = number | 'go on';

/**
 * The worker threads that take part, as the main thread sees them. When it ends they end with it, without a signal or an event
 * of their own: so it tells them before, and waits until each has flushed.
 */
export class MeasuredThreads {
  readonly #states = new Int32Array(new SharedArrayBuffer(4 * SLOTS));
  #hasTold = false;

  /** Threads that are started from now on take part. */
  constructor() {
    setEnvironmentData(KEY, this.#states.buffer);
    process.on('worker', (worker) => {
      const slot = worker.threadId % SLOTS;
      // One that was terminated says nothing.
      worker.once('exit', () => Atomics.store(this.#states, slot, GONE));
    });
  }

  tell(message: ThreadMessage): void {
    const isEnd = message !== 'go on';
    if (isEnd ? !this.#states.includes(RUNNING) : !this.#hasTold) return;
    this.#hasTold = isEnd;
    const channel = new BroadcastChannel(CHANNEL);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window of a browser has a say in it
    channel.postMessage(message satisfies ThreadMessage);
    channel.close();
  }

  /** Resolves when all have flushed, or the time is up. */
  async gone(milliseconds: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const gone = new Promise<void>((resolve) => {
      const look = (): void => {
        if (!this.#states.includes(RUNNING)) resolve();
        else timer = setTimeout(look, POLL_MS);
      };
      look();
    });
    await settledWithin(gone, milliseconds);
    clearTimeout(timer);
  }

  /** The same at once: holds this thread, and not the others. */
  waitUntilGone(milliseconds: number): void {
    const endMark = performance.now() + milliseconds;
    for (let slot = 0; slot < SLOTS; slot += 1)
      Atomics.wait(this.#states, slot, RUNNING, Math.max(0, endMark - performance.now()));
  }
}

let threads: MeasuredThreads | undefined;

/** Of the main thread. Call it before the application starts its threads. */
export function measuredThreads(): MeasuredThreads {
  return (threads ??= new MeasuredThreads());
}

/** In a worker thread: is told when the main thread ends. Returns what the thread says when it has flushed. */
export function watchMainThread(told: (message: ThreadMessage) => void): () => void {
  const buffer: unknown = getEnvironmentData(KEY);
  if (!(buffer instanceof SharedArrayBuffer)) return () => undefined;
  const states = new Int32Array(buffer);
  const slot = threadId % SLOTS;
  Atomics.store(states, slot, RUNNING);
  const channel = new BroadcastChannel(CHANNEL);
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- Node 20's types have no other way
  channel.onmessage = (event: unknown) => {
    const message: unknown =
      typeof event === 'object' && event !== null ? Reflect.get(event, 'data') : undefined;
    if (message === 'go on') Atomics.store(states, slot, RUNNING);
    if (typeof message === 'number' || message === 'go on') told(message);
  };
  channel.unref();
  return () => {
    Atomics.store(states, slot, GONE);
    Atomics.notify(states, slot);
  };
}
