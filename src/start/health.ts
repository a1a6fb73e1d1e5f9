import { healthChecks } from '../application/register-health-check.js';
import { orchestratorError, reason } from '../errors.js';
import { deadline } from '../event-loop/deadline.js';
import type { StoreMetricExporter } from '../reader/store-metric-exporter.js';
import type { HealthAnswer } from '../server/metrics-server.js';
import type { MetricStore } from '../store/metric-store.js';

/** How long `/health` waits for the store; like a check's own default. */
const WAIT_MS = 2000;

/** All questions of this time share one read: it is the whole project that is read for one number. */
const SHARED_MS = 1000;

type Flushing = Pick<StoreMetricExporter, 'millisecondsSinceFlush' | 'pendingSeries'>;

/** The answers of `/health`. */
export class Health {
  readonly #store: Pick<MetricStore, 'description' | 'snapshot'>;
  readonly #exporter: Flushing;
  #reading: Promise<number> | undefined;
  /** When the read under way began, on the clock of `performance.now()`. */
  #readMark = -Infinity;

  constructor(store: Pick<MetricStore, 'description' | 'snapshot'>, exporter: Flushing) {
    this.#store = store;
    this.#exporter = exporter;
  }

  /** Takes as long as the longest deadline of the application's checks, at least {@link WAIT_MS}. Never rejects. */
  async answer(): Promise<HealthAnswer> {
    const late = (): Error => orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'notRead', { ms: WAIT_MS });
    const [{ status, checks }, instances] = await Promise.all([
      healthChecks().run(),
      deadline(this.#instances(), WAIT_MS, late).catch(reason),
    ]);
    const { millisecondsSinceFlush, pendingSeries } = this.#exporter;
    const away = typeof instances === 'string';
    return {
      status,
      store: {
        description: this.#store.description,
        status: away ? 'down' : 'up',
        ...(away && { error: instances }),
        ...(millisecondsSinceFlush !== undefined && { lagMs: Math.round(millisecondsSinceFlush) }),
        pendingSeries,
      },
      ...(!away && { instances }),
      checks,
    };
  }

  #instances(): Promise<number> {
    if (this.#reading !== undefined && performance.now() - this.#readMark < SHARED_MS) return this.#reading;
    this.#readMark = performance.now();
    const reading = this.#store.snapshot().then(({ instances }) => instances);
    this.#reading = reading;
    reading.catch(() => {
      if (this.#reading === reading) this.#reading = undefined;
    });
    return reading;
  }
}
