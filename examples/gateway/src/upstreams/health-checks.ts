import { request } from 'undici';

import type { HealthCheckConfig } from '../config/gateway-config.js';
import { joinPaths, type Target } from './target.js';

/** Asks each target how it is, again and again. Passive health is the breaker's. */
export class HealthChecks {
  readonly #config: HealthCheckConfig;
  readonly #timers: NodeJS.Timeout[];
  readonly #runs = new Map<Target, number>();
  #closed = false;

  constructor(targets: readonly Target[], config: HealthCheckConfig) {
    this.#config = config;
    this.#timers = targets.map((target) => {
      void this.#check(target);
      return setInterval(() => void this.#check(target), config.intervalMs).unref();
    });
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #check(target: Target): Promise<void> {
    const { path, timeoutMs } = this.#config;
    const startedAt = performance.now();
    let problem: string | undefined;
    try {
      const response = await request(target.url.origin + joinPaths(target.url.pathname, path), {
        dispatcher: target.agent,
        signal: AbortSignal.timeout(timeoutMs),
      });
      await response.body.dump();
      if (response.statusCode >= 400) problem = `status ${response.statusCode}`;
    } catch (error) {
      problem = (error as Error).message;
    }
    if (this.#closed) return;
    target.latencyMs = performance.now() - startedAt;
    target.lastError = problem;
    this.#judge(target, problem === undefined);
  }

  /** So many in a row, positive for successes, turn the judgement. */
  #judge(target: Target, success: boolean): void {
    const before = this.#runs.get(target) ?? 0;
    const run = success ? Math.max(before, 0) + 1 : Math.min(before, 0) - 1;
    this.#runs.set(target, run);
    if (run >= this.#config.healthyAfter) target.healthy = true;
    if (-run >= this.#config.unhealthyAfter) target.healthy = false;
  }
}
