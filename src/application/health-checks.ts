import type { Meter, ObservableResult } from '@opentelemetry/api';

import { reason } from '../errors.js';
import { deadline } from '../event-loop/deadline.js';
import { labelled } from '../model/labelled-options.js';

/**
 * One check of the application. It passes when it returns or resolves, with anything but `false`; it fails when it throws,
 * rejects, returns `false`, or takes longer than its timeout. `signal` is aborted at the timeout, so that the check can stop
 * what it began.
 */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** Options of {@link registerHealthCheck}. */
export interface HealthCheckOptions {
  /** Milliseconds after which the check counts as failed. Default 2000. */
  readonly timeout?: number | undefined;
  /** Whether its failure makes the whole application `down` (`/health` answers 503) or only `degraded`. Default true. */
  readonly critical?: boolean | undefined;
}

type CheckStatus = 'up' | 'down';

/** What one run of a check found. */
export interface HealthCheckResult {
  readonly status: CheckStatus;
  readonly critical: boolean;
  /** Milliseconds that the check took, at most its timeout. */
  readonly durationMs: number;
  /** Why it is down, in one line. */
  readonly error?: string;
}

export interface HealthReport {
  /** `degraded`: only checks that are not critical are down. */
  readonly status: CheckStatus | 'degraded';
  readonly checks: Readonly<Record<string, HealthCheckResult>>;
}

interface Registered {
  readonly check: HealthCheck;
  readonly timeout: number;
  readonly critical: boolean;
  /** Two callers at the same time share one run. */
  running: Promise<HealthCheckResult> | undefined;
  /** Calls that have not ended, though their time was up. */
  unended: number;
}

/** A check that takes no notice of its signal must not collect connections: so many calls of it may hang. */
const MAX_UNENDED = 5;

const DEFAULT_TIMEOUT_MS = 2000;

/** The application's health checks. All run at the same time, each against its own deadline: one that hangs delays no other. */
export class HealthChecks {
  readonly #checks = new Map<string, Registered>();
  /** What the last run of each check found. */
  readonly #results = new Map<string, HealthCheckResult>();

  /** Adds a check, or replaces the one of that name. Returns a function that removes it. */
  register(name: string, check: HealthCheck, { timeout, critical }: HealthCheckOptions = {}): () => void {
    const registered = {
      check,
      timeout: timeout ?? DEFAULT_TIMEOUT_MS,
      critical: critical ?? true,
      running: undefined,
      unended: 0,
    };
    this.#checks.set(name, registered);
    return () => {
      if (this.#checks.get(name) !== registered) return;
      this.#checks.delete(name);
      this.#results.delete(name);
    };
  }

  /** Runs all checks. Never rejects; takes at most as long as the longest timeout. */
  async run(): Promise<HealthReport> {
    const results = await Promise.all(
      Array.from(this.#checks, async ([name, registered]) => {
        registered.running ??= runCheck(registered).finally(() => {
          registered.running = undefined;
        });
        const result = await registered.running;
        if (this.#checks.get(name) === registered) this.#results.set(name, result);
        return [name, result] as const;
      }),
    );
    return { status: overall(results.map(([, result]) => result)), checks: Object.fromEntries(results) };
  }

  /**
   * `app_health_status`: 1 up, 0 down, by `check`. A collection reports what the last run found and begins the next one, so
   * that it never waits for a check.
   *
   * @returns a function that removes the callback
   */
  observe(meter: Meter): () => void {
    const gauge = meter.createObservableGauge(
      'app_health_status',
      labelled({
        description: 'Result of the health checks that the application registered: 1 up, 0 down.',
        labels: ['check', 'critical'],
      }),
    );
    const callback = (result: ObservableResult): void => {
      for (const [name, { status, critical }] of this.#results)
        result.observe(status === 'up' ? 1 : 0, { check: name, critical });
      void this.run();
    };
    gauge.addCallback(callback);
    return () => gauge.removeCallback(callback);
  }
}

function overall(results: readonly HealthCheckResult[]): HealthReport['status'] {
  const down = results.filter(({ status }) => status === 'down');
  if (down.length === 0) return 'up';
  return down.some(({ critical }) => critical) ? 'down' : 'degraded';
}

async function runCheck(registered: Registered): Promise<HealthCheckResult> {
  const { timeout, critical } = registered;
  const startMark = performance.now();
  const took = (): number => Math.round(performance.now() - startMark);
  try {
    const answer = await answerOf(registered, timeout);
    if (answer === false) throw new Error('The check returned false');
    return { status: 'up', critical, durationMs: took() };
  } catch (error) {
    return { status: 'down', critical, durationMs: took(), error: reason(error) };
  }
}

function answerOf(registered: Registered, timeout: number): Promise<unknown> {
  if (registered.unended >= MAX_UNENDED) {
    return Promise.reject(new Error(`${MAX_UNENDED} calls of the check have not ended`));
  }
  const abort = new AbortController();
  registered.unended += 1;
  const answering = Promise.resolve(abort.signal)
    .then(registered.check)
    .finally(() => {
      registered.unended -= 1;
    });
  return deadline(answering, timeout, () => {
    const late = new Error(`No answer within ${timeout} ms`);
    abort.abort(late);
    return late;
  });
}
