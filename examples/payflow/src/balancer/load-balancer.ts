import type { WeightedUrl } from '../config/setting-kinds.js';
import { WeightedRoundRobin } from './weighted-round-robin.js';

export type Algorithm = 'round_robin' | 'weighted_round_robin' | 'least_connections' | 'random';

export interface LoadBalancerOptions {
  readonly targets: readonly WeightedUrl[];
  /** When not, the first target gets all calls, and there are no health checks. */
  readonly enabled: boolean;
  readonly algorithm: Algorithm;
  readonly healthCheckPath: string;
  readonly healthCheckIntervalMs: number;
}

export interface Target {
  readonly url: string;
  readonly weight: number;
  healthy: boolean;
  /** Calls under way. */
  active: number;
  calls: number;
}

const HEALTH_CHECK_TIMEOUT_MS = 2000;

/** Chooses an instance of a service for each call, among those that their health checks find healthy. */
export class LoadBalancer {
  readonly targets: readonly Target[];
  readonly #options: LoadBalancerOptions;
  readonly #turns: WeightedRoundRobin<Target>;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LoadBalancerOptions) {
    this.#options = options;
    this.targets = options.targets.map(({ url, weight }) => ({
      url,
      weight,
      healthy: true,
      active: 0,
      calls: 0,
    }));
    const weighted = options.algorithm === 'weighted_round_robin';
    this.#turns = new WeightedRoundRobin((target) => (weighted ? target.weight : 1));
  }

  get enabled(): boolean {
    return this.#options.enabled;
  }

  get algorithm(): Algorithm {
    return this.#options.algorithm;
  }

  /** Checks all targets once, then at each interval. Does nothing when the balancer is off. */
  async start(): Promise<void> {
    if (!this.enabled || this.targets.length === 0) return;
    await this.checkNow();
    this.#timer = setInterval(() => void this.checkNow(), this.#options.healthCheckIntervalMs);
  }

  async checkNow(): Promise<void> {
    await Promise.all(
      this.targets.map(async (target) => {
        target.healthy = await isHealthy(target.url + this.#options.healthCheckPath);
      }),
    );
  }

  /**
   * Calls `work` with the address of the next target. A target whose call fails is taken for sick until its next health check.
   *
   * @throws what `work` throws, or an error when there is no target
   */
  async use<Result>(work: (url: string) => Promise<Result>): Promise<Result> {
    const target = this.#next();
    if (target === undefined) throw new Error('the service has no instance');
    target.active++;
    target.calls++;
    try {
      return await work(target.url);
    } catch (error) {
      if (this.enabled) target.healthy = false;
      throw error;
    } finally {
      target.active--;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #next(): Target | undefined {
    if (!this.enabled) return this.targets[0];
    const healthy = this.targets.filter((target) => target.healthy);
    // When all look sick the checks may be wrong, and there is nothing to lose.
    const candidates = healthy.length > 0 ? healthy : this.targets;
    switch (this.#options.algorithm) {
      case 'random':
        return candidates[Math.floor(Math.random() * candidates.length)];
      case 'least_connections': {
        const fewest = Math.min(...candidates.map(({ active }) => active));
        return this.#turns.next(candidates.filter(({ active }) => active === fewest));
      }
      default:
        return this.#turns.next(candidates);
    }
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HEALTH_CHECK_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}
