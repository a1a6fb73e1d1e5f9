import { setTimeout as sleep } from 'node:timers/promises';

import { registerHealthCheck } from '@org/orchestrator';
import type { Redis } from 'ioredis';

import type { Database } from '../flows/database.js';
import type { RabbitMq } from '../queue/rabbitmq.js';
import type { Upstream } from '../upstreams/upstream.js';
import type { Upstreams } from '../upstreams/upstreams.js';

export interface DependencyStatus {
  readonly status: 'up' | 'down';
  readonly latencyMs: number;
  /** Why it is down. */
  readonly error?: string;
}

export interface UpstreamStatus {
  readonly status: 'up' | 'degraded' | 'down';
  readonly targets: ReadonlyArray<{
    readonly target: string;
    readonly breaker: string;
    readonly healthy: boolean;
    readonly outstanding: number;
    /** Of the last health check. */
    readonly latencyMs: number | null;
    readonly error: string | null;
  }>;
}

export interface HealthReport {
  readonly status: 'up' | 'degraded' | 'down';
  readonly dependencies: Readonly<Record<string, DependencyStatus>>;
  readonly upstreams: Readonly<Record<string, UpstreamStatus>>;
}

export interface HealthDependencies {
  readonly database: Database | undefined;
  readonly redis: Redis | undefined;
  readonly rabbit: RabbitMq | undefined;
  readonly upstreams: Upstreams;
}

const DEADLINE_MS = 1000;

/** Asks everything that the gateway depends on, each with a deadline. */
export class Health {
  readonly #checks: Readonly<Record<string, () => Promise<unknown>>>;
  readonly #upstreams: Upstreams;
  readonly #unregister: ReadonlyArray<() => void>;

  constructor({ database, redis, rabbit, upstreams }: HealthDependencies) {
    this.#upstreams = upstreams;
    this.#checks = {
      ...(database && { database: () => database.query('SELECT 1') }),
      ...(redis && { redis: () => redis.ping() }),
      ...(rabbit && {
        rabbitmq: async () => {
          if (!rabbit.isConnected) throw new Error('not connected');
        },
      }),
    };
    // The orchestrator shows them as `app_health_status` and on the `/health` of its own port.
    this.#unregister = Object.entries(this.#checks).map(([name, check]) =>
      registerHealthCheck(name, check, { timeout: DEADLINE_MS, critical: name === 'database' }),
    );
  }

  /** `down` without the database: nothing could be orchestrated. Anything else that is down only degrades. */
  async report(): Promise<HealthReport> {
    const entries = Object.entries(this.#checks).map(
      async ([name, check]) => [name, await ask(check)] as const,
    );
    const dependencies = Object.fromEntries(await Promise.all(entries));
    const upstreams = Object.fromEntries(
      this.#upstreams.all.map((upstream) => [upstream.config.name, statusOf(upstream)]),
    );
    const parts = [...Object.values(dependencies), ...Object.values(upstreams)];
    const worst = parts.every(({ status }) => status === 'up') ? 'up' : 'degraded';
    return { status: dependencies['database']?.status === 'down' ? 'down' : worst, dependencies, upstreams };
  }

  close(): void {
    for (const unregister of this.#unregister) unregister();
  }
}

async function ask(check: () => Promise<unknown>): Promise<DependencyStatus> {
  const startedAt = performance.now();
  const deadline = new AbortController();
  try {
    const late = sleep(DEADLINE_MS, undefined, { signal: deadline.signal }).then(() => {
      throw new Error(`no answer within ${DEADLINE_MS} ms`);
    });
    late.catch(() => undefined);
    await Promise.race([check(), late]);
    return { status: 'up', latencyMs: elapsed(startedAt) };
  } catch (error) {
    return { status: 'down', latencyMs: elapsed(startedAt), error: (error as Error).message };
  } finally {
    deadline.abort();
  }
}

function elapsed(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 100) / 100;
}

function statusOf({ targets }: Upstream): UpstreamStatus {
  const good = targets.filter((target) => target.healthy && target.isClosed).length;
  const some = good > 0 ? 'degraded' : 'down';
  return {
    status: good === targets.length ? 'up' : some,
    targets: targets.map((target) => ({
      target: target.name,
      breaker: target.state,
      healthy: target.healthy,
      outstanding: target.outstanding,
      latencyMs: target.latencyMs === undefined ? null : Math.round(target.latencyMs * 100) / 100,
      error: target.lastError ?? null,
    })),
  };
}
