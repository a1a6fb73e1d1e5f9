import { isatty } from 'node:tty';
import { isMainThread } from 'node:worker_threads';

import { settledWithin } from '../../event-loop/deadline.js';
import { ExitListener } from './exit-listener.js';
import { HeldRequests } from './held-requests.js';
import { SignalListeners, type EndingSignal } from './signal-listeners.js';
import { type MeasuredThreads, watchMainThread } from './threads.js';
import { workersGone } from './workers-gone.js';

/** How long the last flush may hold up the end of a process. PM2 kills 1.6 s after its signal. */
const SHUTDOWN_DEADLINE_MS = 1400;

/** How often a process is flushed while it lives on after a signal: nothing tells when it will end. */
const DRAIN_FLUSH_MS = 200;

/** A process that lives on for longer did not take the signal for its end; the usual interval serves it then. */
const MAX_DRAIN_FLUSHES = 300;

/** `beforeExit` comes again whenever a listener used it to start more work, our own flush included. */
const MAX_BEFORE_EXIT_FLUSHES = 3;

/** Of the time of the last flush, as much as may be spent on callbacks of the application. */
const HURRY_SHARE = 0.4;

/** Of the time that a main thread waits for its worker threads, as much as the flush of one of them may take. */
const THREAD_SHARE = 0.6;

/** The first process of a container. The kernel drops every signal that it does not listen for. */
const INIT_PID = 1;

export interface LifecycleOptions {
  /** Sends what was recorded; may reject. */
  readonly flush: () => Promise<unknown>;
  /** Sends what goes elsewhere: spans, log records, upstream readers; may reject. Nothing else waits for it. */
  readonly flushOthers: () => Promise<unknown>;
  /** Sends what is there without waiting for callbacks of the application, on which a flush may wait. Default: nothing. */
  readonly hurry?: (() => void) | undefined;
  /** Ends the lease of this instance; may reject. */
  readonly endLease: () => Promise<unknown>;
  /** Hands over at the very end what was not sent, and says what is lost. Synchronous; takes at most `waitMs`. */
  readonly finish: (waitMs: number) => void;
  /** How long the end of a process may take in which nothing asynchronous can happen. */
  readonly exitTimeoutMs: number;
  /** Worker threads that take part and end with this process. Default: none. */
  readonly threads?: MeasuredThreads | undefined;
}

/**
 * The last flush of a process, however it ends: by a signal, an empty event loop, or an application that drains by itself.
 *
 * Whatever would have happened without us happens. A process that would have died by the signal dies by it, a moment later.
 * A process that would have lived on lives on undisturbed: because it listens itself, or because it is process 1 of a
 * container. `process.exit` is never called.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #signals: SignalListeners;
  readonly #exit: ExitListener;
  readonly #onBeforeExit = (): void => this.#emptied();
  #beforeExits = 0;
  #held: HeldRequests | undefined;
  #unsent = false;
  #drain: NodeJS.Timeout | undefined;
  #drainFlushes = 0;
  #interrupted = false;
  /** Tells the main thread that this one has flushed. */
  #tellFlushed: () => void = () => undefined;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#exit = new ExitListener(() => this.#exits());
    this.#signals = new SignalListeners((signal, heard) => this.#signalled(signal, heard));
  }

  install(): void {
    this.#signals.install();
    process.on('beforeExit', this.#onBeforeExit);
    this.#exit.install();
    if (isMainThread) return;
    this.#tellFlushed = watchMainThread((message) => {
      if (message === 'go on') this.#goOn();
      else void this.#endWithMain(message);
    });
  }

  remove(): void {
    this.#signals.remove();
    process.removeListener('beforeExit', this.#onBeforeExit);
    this.#exit.remove();
    clearInterval(this.#drain);
  }

  #emptied(): void {
    if (this.#beforeExits++ >= MAX_BEFORE_EXIT_FLUSHES) return;
    void this.#last().then(() => {
      // A store that is away holds up the end of a process once, not three times.
      if (this.#unsent) this.#beforeExits = MAX_BEFORE_EXIT_FLUSHES;
    });
  }

  /** @param heard whether the application listens for this signal as well */
  #signalled(signal: EndingSignal, heard: boolean): void {
    const isImpatient = signal === 'SIGQUIT' || (signal === 'SIGINT' && this.#interrupted);
    if (signal === 'SIGINT') this.#interrupted = true;
    if (heard || process.pid === INIT_PID) this.#liveOn();
    else if (this.#held === undefined) void this.#dieBy(signal);
    // A second Ctrl-C means now. A second SIGTERM is the process group's echo of the first.
    else if (isImpatient) this.#die(signal);
  }

  /** Flushes often from now on, so that a drain is counted whenever it ends. */
  #liveOn(): void {
    this.#drainFlushes = 0;
    this.#drain ??= setInterval(() => this.#drained(), DRAIN_FLUSH_MS).unref();
    void this.#options.flush().catch(() => undefined);
    void this.#options.flushOthers().catch(() => undefined);
  }

  #drained(): void {
    void this.#options.flush().catch(() => undefined);
    if (++this.#drainFlushes < MAX_DRAIN_FLUSHES) return;
    clearInterval(this.#drain);
    this.#drain = undefined;
  }

  async #dieBy(signal: EndingSignal): Promise<void> {
    const { threads } = this.#options;
    // Without us the process would be gone by now: a request that it would not have answered must not be answered uncounted.
    this.#held = new HeldRequests();
    threads?.tell(SHUTDOWN_DEADLINE_MS);
    await Promise.all([
      this.#last(),
      settledWithin(workersGone(signal), SHUTDOWN_DEADLINE_MS),
      threads?.gone(SHUTDOWN_DEADLINE_MS),
    ]);
    this.#die(signal);
  }

  #die(signal: EndingSignal): void {
    this.#options.finish(0);
    restoreTerminal();
    this.remove();
    process.kill(process.pid, signal);
    setImmediate(() => this.#survived());
  }

  /** The application began to listen meanwhile, or something native handles the signal: nothing may be different then. */
  #survived(): void {
    this.install();
    this.#options.threads?.tell('go on');
    this.#goOn();
  }

  /** In a worker thread: the main thread is about to end, and this one with it. */
  async #endWithMain(withinMs: number): Promise<void> {
    this.#held ??= new HeldRequests();
    // Time is left for what can be done at once.
    await this.#last(withinMs * THREAD_SHARE);
    this.#options.finish(0);
    this.#tellFlushed();
  }

  /** The end does not come. */
  #goOn(): void {
    this.#unsent = false;
    this.#interrupted = false;
    this.#held?.release();
    this.#held = undefined;
  }

  #exits(): void {
    const { exitTimeoutMs, finish, threads } = this.#options;
    const endMark = performance.now() + exitTimeoutMs;
    threads?.tell(exitTimeoutMs);
    // A store that was away until now is not waited for once more.
    finish(this.#unsent ? 0 : exitTimeoutMs);
    threads?.waitUntilGone(Math.max(0, endMark - performance.now()));
    this.#tellFlushed();
  }

  /** Holds the event loop for the last flush, and no longer than the deadline. */
  async #last(deadlineMs: number = SHUTDOWN_DEADLINE_MS): Promise<void> {
    const { flush, flushOthers, endLease, hurry } = this.#options;
    let isSent = false;
    const last = async (): Promise<void> => {
      await flush();
      // Requests that were under way are still answered while the first flush is; the second one has those.
      if (this.#held !== undefined) await flush();
      isSent = true;
      await endLease();
    };
    const hurrying = setTimeout(() => hurry?.(), deadlineMs * HURRY_SHARE).unref();
    await settledWithin(Promise.allSettled([last(), flushOthers()]), deadlineMs);
    clearTimeout(hurrying);
    this.#unsent = !isSent;
  }
}

/** A death by signal skips what Node does at its exit: a terminal in raw mode would stay in it, without an echo. */
function restoreTerminal(): void {
  try {
    if (isatty(0) && process.stdin.isRaw) process.stdin.setRawMode(false);
  } catch {
    // The terminal is gone, and with it the mode.
  }
}
