import type { SwitchableInstrumentation } from './host-metrics.js';
import type { MetricStore } from '../../store/metric-store.js';

export interface HostCollectorOptions {
  readonly store: MetricStore;
  /** Processes with the same name share a host. */
  readonly hostName: string;
  readonly host: SwitchableInstrumentation;
  /** Milliseconds between two flushes. */
  readonly intervalMs: number;
  /** Sends what the host's metrics say at once, so that a change of collector leaves no gap. */
  readonly flush: () => Promise<unknown>;
}

/** A process that is killed is followed by another one within this time and half an interval. */
const TURN_INTERVALS = 2;

/**
 * Lets one process of a host collect the host's metrics: they are the same in all of them, and reading them takes 3 ms of
 * CPU at each collection. Without a store that answers, nobody collects; nobody could see it either.
 */
export class HostCollector {
  readonly #options: HostCollectorOptions;
  readonly #timer: NodeJS.Timeout;
  #collecting = false;
  #ended = false;

  constructor(options: HostCollectorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#ask(), options.intervalMs / 2).unref();
    void this.#ask();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#timer);
    this.#options.host.stop();
  }

  async #ask(): Promise<void> {
    const { store, hostName, host, intervalMs, flush } = this.#options;
    let mine: boolean;
    try {
      mine = await store.acquireLock(`host:${hostName}`, TURN_INTERVALS * intervalMs);
    } catch {
      // The store is away, which the flush reports; who collected before goes on.
      return;
    }
    if (this.#ended || mine === this.#collecting) return;
    this.#collecting = mine;
    if (!mine) {
      host.stop();
      return;
    }
    host.start();
    await flush().catch(() => undefined);
  }
}
