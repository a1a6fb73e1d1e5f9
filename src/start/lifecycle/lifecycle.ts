import { isatty } from 'node:tty';

import { settledWithin } from '../../event-loop/deadline.js';
import { HeldRequests } from './held-requests.js';
import { SignalListeners, type EndingSignal } from './signal-listeners.js';
import { workersGone } from './workers-gone.js';

/** How long the last flush may hold up the end of a process. PM2 kills 1.6 s after its signal. */
const SHUTDOWN_DEADLINE_MS = 1400;

/** How often a process is flushed while it lives on after a signal: nothing tells when it will end. */
const DRAIN_FLUSH_MS = 200;

/** A process that lives on for longer did not take the signal for its end; the usual interval serves it then. */
const MAX_DRAIN_FLUSHES = 300;

/** `beforeExit` comes again whenever a listener used it to start more work, our own flush included. */
const MAX_BEFORE_EXIT_FLUSHES = 3;

/** The first process of a container. The kernel drops every signal that it does not listen for. */
const INIT_PID = 1;

export interface LifecycleOptions {
  /** Sends what was recorded; may reject. */
  readonly flush: () => Promise<unknown>;
  /** Sends what goes elsewhere: spans, log records, upstream readers; may reject. Nothing else waits for it. */
  readonly flushOthers: () => Promise<unknown>;
  /** Ends the lease of this instance; may reject. */
  readonly endLease: () => Promise<unknown>;
  /** Called at the very end, and synchronous. `unsent`: the last flush did not succeed. */
  readonly reportLosses: (unsent: boolean) => void;
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
  readonly #onBeforeExit = (): void => this.#emptied();
  readonly #onExit = (): void => this.#options.reportLosses(this.#unsent);
  #beforeExits = 0;
  #held: HeldRequests | undefined;
  #unsent = false;
  #drain: NodeJS.Timeout | undefined;
  #drainFlushes = 0;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#signals = new SignalListeners((signal, heard) => this.#signalled(signal, heard));
  }

  install(): void {
    this.#signals.install();
    process.on('beforeExit', this.#onBeforeExit);
    process.on('exit', this.#onExit);
  }

  remove(): void {
    this.#signals.remove();
    process.removeListener('beforeExit', this.#onBeforeExit);
    process.removeListener('exit', this.#onExit);
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
    if (heard || process.pid === INIT_PID) this.#liveOn();
    // A second Ctrl-C means now. A second SIGTERM is the process group's echo of the first.
    else if (this.#held === undefined) void this.#dieBy(signal);
    else if (signal === 'SIGINT') this.#die(signal);
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
    // Without us the process would be gone by now: a request that it would not have answered must not be answered uncounted.
    this.#held = new HeldRequests();
    await Promise.all([this.#last(), settledWithin(workersGone(signal), SHUTDOWN_DEADLINE_MS)]);
    this.#die(signal);
  }

  #die(signal: EndingSignal): void {
    this.#options.reportLosses(this.#unsent);
    restoreTerminal();
    this.remove();
    process.kill(process.pid, signal);
    setImmediate(() => this.#survived());
  }

  /** The application began to listen meanwhile, or something native handles the signal: nothing may be different then. */
  #survived(): void {
    this.#unsent = false;
    this.install();
    this.#held?.release();
    this.#held = undefined;
  }

  /** Holds the event loop for the last flush, and no longer than the deadline. */
  async #last(): Promise<void> {
    this.#unsent = true;
    const flush = async (): Promise<void> => {
      await this.#options.flush();
      // Requests that were under way are still answered while the first flush is; the second one has those.
      if (this.#held !== undefined) await this.#options.flush();
      this.#unsent = false;
      await this.#options.endLease();
    };
    await settledWithin(Promise.allSettled([flush(), this.#options.flushOthers()]), SHUTDOWN_DEADLINE_MS);
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
