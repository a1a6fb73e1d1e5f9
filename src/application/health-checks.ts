import type { Meter, ObservableResult } from '@opentelemetry/api';

import { reason } from '../errors.js';
import { deadline } from '../event-loop/deadline.js';

/** Resolves, or returns, when healthy; throws, rejects or returns `false` when not. */
export type HealthCheck = (signal: AbortSignal) => unknown;

export interface HealthCheckOptions {
  /** Milliseconds after which the check counts as failed; default 2000. */
  readonly timeout?: number | undefined;
  /** Whether a failure makes the whole application unhealthy; default true. */
  readonly critical?: boolean | undefined;
}

export interface HealthCheckResult {
  readonly status: 'up' | 'down';
  readonly critical: boolean;
  /** Milliseconds that the check took, at most its timeout. */
  readonly durationMs: number;
  /** Why it is down, in one line. */
  readonly error?: string;
}

export interface HealthReport {
  /** `degraded`: only checks that are not critical are down. */
  readonly status: 'up' | 'degraded' | 'down';
  readonly checks: Readonly<Record<string, HealthCheckResult>>;
}

interface Registered {
  readonly check: HealthCheck;
  readonly timeout: number;
  readonly critical: boolean;
  /** Two scrapes at the same time share one run. */
  running: Promise<HealthCheckResult> | undefined;
}

const DEFAULT_TIMEOUT_MS = 2000;

/** The application's health checks. All run at the same time, each against its own deadline: a hung one delays nobody. */
export class HealthChecks {
  private readonly checks = new Map<string, Registered>();
  private readonly last = new Map<string, HealthCheckResult>();

  /** Adds a check or replaces the one of that name. Returns a function that removes it. */
  register(name: string, check: HealthCheck, { timeout, critical }: HealthCheckOptions = {}): () => void {
    const registered = {
      check,
      timeout: timeout ?? DEFAULT_TIMEOUT_MS,
      critical: critical ?? true,
      running: undefined,
    };
    this.checks.set(name, registered);
    return () => {
      if (this.checks.get(name) !== registered) return;
      this.checks.delete(name);
      this.last.delete(name);
    };
  }

  /** Runs all checks. Never rejects; takes as long as the longest timeout at most. */
  async run(): Promise<HealthReport> {
    const results = await Promise.all(
      Array.from(this.checks, async ([name, registered]) => {
        registered.running ??= runCheck(registered).finally(() => {
          registered.running = undefined;
        });
        const result = await registered.running;
        if (this.checks.get(name) === registered) this.last.set(name, result);
        return [name, result] as const;
      }),
    );
    const down = results.filter(([, { status }]) => status === 'down');
    const status = down.length === 0 ? 'up' : down.some(([, { critical }]) => critical) ? 'down' : 'degraded';
    return { status, checks: Object.fromEntries(results) };
  }

  /**
   * `app_health_status`: 1 up, 0 down, by `check`. A scrape reports what the last run found and begins the next one, so that
   * it never waits for a check.
   *
   * @returns a function that removes the callback.
   */
  observe(meter: Meter): () => void {
    const gauge = meter.createObservableGauge('app_health_status', {
      description: 'Result of the health checks that the application registered: 1 up, 0 down.',
    });
    const callback = (result: ObservableResult): void => {
      for (const [name, { status, critical }] of this.last) {
        result.observe(status === 'up' ? 1 : 0, { check: name, critical });
      }
      void this.run();
    };
    gauge.addCallback(callback);
    return () => gauge.removeCallback(callback);
  }
}

async function runCheck({ check, timeout, critical }: Registered): Promise<HealthCheckResult> {
  const started = performance.now();
  const abort = new AbortController();
  const late = (): Error => {
    const error = new Error(`No answer within ${timeout} ms`);
    abort.abort(error);
    return error;
  };
  const took = (): number => Math.round(performance.now() - started);
  try {
    const answer = await deadline(Promise.resolve(abort.signal).then(check), timeout, late);
    if (answer === false) throw new Error('The check returned false');
    return { status: 'up', critical, durationMs: took() };
  } catch (error) {
    return { status: 'down', critical, durationMs: took(), error: reason(error) };
  }
}
