import type { SwitchableInstrumentation } from './switchable.js';

export interface HostCollectorOptions {
  /** Acquires or renews, for this many milliseconds, the lock that one process of the host holds. Rejects while the store is away. */
  readonly acquire: (ms: number) => Promise<boolean>;
  readonly host: SwitchableInstrumentation;
  /** Milliseconds between two flushes. */
  readonly intervalMs: number;
  /** Sends the host's metrics at once, so that a change of collector leaves no gap. */
  readonly flush: () => Promise<unknown>;
}

/** The lock outlasts two flushes. */
const LOCK_INTERVALS = 2;

/** Milliseconds: as long as a lease at least, so that a process which a busy host holds up keeps the lock. */
const MIN_LOCK_MS = 10_000;

/** How often the lock is asked for while it lasts. Another process follows one that was killed within five quarters of it. */
const ASKS_PER_LOCK = 4;

/**
 * Lets one process of a host collect the host's metrics: they are the same in all of them. Without a store that answers,
 * nobody begins to; nobody could see it either.
 */
export class HostCollector {
  readonly #options: HostCollectorOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #lockMs: number;
  #collecting = false;
  #asking = false;
  #ended = false;

  constructor(options: HostCollectorOptions) {
    this.#options = options;
    this.#lockMs = Math.max(LOCK_INTERVALS * options.intervalMs, MIN_LOCK_MS);
    this.#timer = setInterval(() => void this.#renew(), this.#lockMs / ASKS_PER_LOCK).unref();
    void this.#renew();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#options.host.stop();
  }

  async #renew(): Promise<void> {
    const { acquire, host, flush } = this.#options;
    // A store that hangs is asked one question, not one more every few seconds.
    if (this.#asking) return;
    this.#asking = true;
    let acquired: boolean;
    try {
      acquired = await acquire(this.#lockMs);
    } catch {
      // The store is away, which the flush reports. A process that collected before goes on.
      return;
    } finally {
      this.#asking = false;
    }
    if (this.#ended || acquired === this.#collecting) return;
    this.#collecting = acquired;
    if (!acquired) {
      host.stop();
      return;
    }
    host.start();
    await flush().catch(() => undefined);
  }
}
