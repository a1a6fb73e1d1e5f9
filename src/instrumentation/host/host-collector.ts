import type { SwitchableInstrumentation } from './host-metrics.js';

export interface HostCollectorOptions {
  /** Acquires or renews, for this many milliseconds, the lock that one process of the host holds. Rejects while the store is away. */
  readonly acquire: (ms: number) => Promise<boolean>;
  readonly host: SwitchableInstrumentation;
  /** Milliseconds between two flushes. */
  readonly intervalMs: number;
  /** Sends the host's metrics at once, so that a change of collector leaves no gap. */
  readonly flush: () => Promise<unknown>;
}

/** Another process follows one that was killed within this time and half an interval. */
const LOCK_INTERVALS = 2;

/**
 * Lets one process of a host collect the host's metrics: they are the same in all of them, and reading them takes 3 ms of
 * CPU at each collection. Without a store that answers, nobody begins to; nobody could see it either.
 */
export class HostCollector {
  readonly #options: HostCollectorOptions;
  readonly #timer: NodeJS.Timeout;
  #collecting = false;
  #ended = false;

  constructor(options: HostCollectorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.intervalMs / 2).unref();
    void this.#renew();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#options.host.stop();
  }

  async #renew(): Promise<void> {
    const { acquire, host, intervalMs, flush } = this.#options;
    let acquired: boolean;
    try {
      acquired = await acquire(LOCK_INTERVALS * intervalMs);
    } catch {
      // The store is away, which the flush reports. A process that collected before goes on.
      return;
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
