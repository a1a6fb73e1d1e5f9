import cluster from 'node:cluster';

import { settledWithin } from '../event-loop/deadline.js';
import { interceptRequests } from '../server/intercept-requests.js';

/** How long the end of a process may be held up by the last flush. PM2 kills 1.6 s after its signal. */
export const SHUTDOWN_DEADLINE_MS = 1400;

/** While an application with a handler of its own drains: how often it is flushed, because nobody tells when it ends. */
const DRAIN_FLUSH_MS = 200;

/** One that lives on for longer has taken the signal for something else than its end; the usual interval serves it then. */
const MAX_DRAIN_FLUSHES = 300;

/** `beforeExit` comes again whenever someone used it to do more work, our own flush included. */
const MAX_BEFORE_EXIT_FLUSHES = 3;

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type Signal = (typeof SIGNALS)[number];

export interface LifecycleOptions {
  /** Sends what was recorded; may reject. */
  readonly flush: () => Promise<unknown>;
  /** Sends what goes elsewhere: spans, log records, upstream readers; may reject. Nothing else waits for it. */
  readonly flushOthers: () => Promise<unknown>;
  /** Ends the lease of this instance; may reject. */
  readonly endLease: () => Promise<unknown>;
}

/**
 * The last flush of a process, whatever its end: a signal, an empty event loop, or an application that drains by itself.
 * It never calls `process.exit`, and after it a signal does what it would have done without us.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #onSignal: (signal: Signal) => void;
  readonly #onBeforeExit: () => void;
  #beforeExits = 0;
  #dying = false;
  #drain: NodeJS.Timeout | undefined;
  #drainFlushes = 0;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#onSignal = (signal) => this.#signalled(signal);
    this.#onBeforeExit = () => this.#emptied();
  }

  install(): void {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal);
    process.on('beforeExit', this.#onBeforeExit);
  }

  remove(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
    process.removeListener('beforeExit', this.#onBeforeExit);
    clearInterval(this.#drain);
  }

  #emptied(): void {
    if (this.#beforeExits++ >= MAX_BEFORE_EXIT_FLUSHES) return;
    void this.#last().then((sent) => {
      // A store that is away holds up the end of a process once, not three times.
      if (!sent) this.#beforeExits = MAX_BEFORE_EXIT_FLUSHES;
    });
  }

  #signalled(signal: Signal): void {
    if (process.listenerCount(signal) - passiveListeners() > 1) {
      // Someone else decides when the process ends. Until then it is flushed often, so that its drain is counted.
      this.#drainFlushes = 0;
      this.#drain ??= setInterval(() => this.#drained(), DRAIN_FLUSH_MS).unref();
      void this.#options.flush().catch(() => undefined);
      void this.#options.flushOthers().catch(() => undefined);
      return;
    }
    if (this.#dying) {
      // A second Ctrl-C means now. A second SIGTERM is the process group's echo of the first.
      if (signal === 'SIGINT') this.#die(signal);
      return;
    }
    this.#dying = true;
    // Without us the process would be gone by now: what it would not have answered must not be answered uncounted.
    interceptRequests(() => true);
    void Promise.all([this.#last(), workersGone(signal)]).then(() => this.#die(signal));
  }

  #drained(): void {
    void this.#options.flush().catch(() => undefined);
    if (++this.#drainFlushes < MAX_DRAIN_FLUSHES) return;
    clearInterval(this.#drain);
    this.#drain = undefined;
  }

  #die(signal: Signal): void {
    this.remove();
    process.kill(process.pid, signal);
  }

  /** Holds the event loop for the last flush, and no longer than the deadline. False if it was not sent by then. */
  async #last(): Promise<boolean> {
    let sent = false;
    const flush = async (): Promise<void> => {
      await this.#options.flush();
      sent = true;
      // Requests that were under way are still answered while the first flush is; the second one has those.
      if (this.#dying) await this.#options.flush();
      await this.#options.endLease();
    };
    await settledWithin(Promise.allSettled([flush(), this.#options.flushOthers()]), SHUTDOWN_DEADLINE_MS);
    return sent;
  }
}

/**
 * When a cluster's primary dies its workers exit at once, without a chance to flush. So it waits for them, and passes on a
 * SIGTERM, which a container runtime sends to the primary alone; a terminal's SIGINT has reached them already.
 */
async function workersGone(signal: Signal): Promise<void> {
  const workers = cluster.isPrimary
    ? Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
    : [];
  if (workers.length === 0) return;
  await settledWithin(
    Promise.all(
      workers.map(
        (worker) =>
          new Promise<void>((resolve) => {
            worker.once('exit', () => resolve());
            if (worker.isDead()) resolve();
            else if (signal === 'SIGTERM') worker.process.kill(signal);
          }),
      ),
    ),
    SHUTDOWN_DEADLINE_MS,
  );
}

/**
 * The npm package signal-exit listens to signals only to be told of the end: it re-raises the signal when all listeners
 * are its own. To it we are the application, to us it is nobody; counting it as an application would leave both waiting
 * for the other, and the process alive.
 */
function passiveListeners(): number {
  const version3: unknown = Reflect.get(process, '__signal_exit_emitter__');
  const version4: unknown = Reflect.get(globalThis, Symbol.for('signal-exit emitter'));
  return countOf(version3) + countOf(version4);
}

function countOf(emitter: unknown): number {
  const count: unknown = typeof emitter === 'object' && emitter !== null ? Reflect.get(emitter, 'count') : 0;
  return typeof count === 'number' ? count : 0;
}
