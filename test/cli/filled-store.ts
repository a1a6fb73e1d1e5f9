import { createLocalStore } from '../../src/store/local/local-store.js';
import type { MetricStore, StoreContext } from '../../src/store/metric-store.js';
import { createRedisStore } from '../../src/store/redis/redis-store.js';
import {
  add,
  added,
  counter,
  gauge,
  histogram,
  Instance,
  now,
  reported,
  type Sent,
  series,
} from '../contract/bed.js';
import type { SharedStore } from '../end-to-end/stores.js';
import type { Family } from '../../src/model/family.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { type RedisServer, startRedis } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';

const duration = histogram('http.server.request.duration', [0.1, 0.5, 1]);
export const jobs: Family = counter('jobs.done');

/** Traffic of a web server: `requests` of each route, each of 50 ms. */
export function traffic(requests: number, routes: readonly string[] = ['/orders', '/orders/{id}']): Sent {
  const points = routes.map((route) =>
    add(
      series({ 'http.request.method': 'GET', 'http.response.status_code': '200', 'http.route': route }),
      requests * 0.05,
      requests,
      0,
      0,
      0,
    ),
  );
  return {
    deltas: [added(duration, ...points), added(jobs, add(series({ kind: 'mail' }), requests))],
    current: [reported(gauge('process.memory.usage', 'instance'), now(series(), 50_000_000))],
  };
}

let instances = 0;

/** A store that the program reads, and instances of projects that write to it. */
export class FilledStore {
  /** For the program. */
  readonly env: Readonly<Record<string, string>>;
  readonly redis: RedisServer | undefined;
  readonly directory: string | undefined;
  readonly #owner: Owner;

  constructor(owner: Owner, where: { readonly redis?: RedisServer; readonly directory?: string }) {
    this.#owner = owner;
    this.redis = where.redis;
    this.directory = where.directory;
    this.env =
      where.redis === undefined
        ? { ORCHESTRATOR_LOCAL_DIR: where.directory ?? '' }
        : { ORCHESTRATOR_REDIS_URL: where.redis.url };
  }

  /** An instance of the project; it is closed, and its lease goes on, when the owner ends. */
  instance(project: string, options: Partial<StoreContext> = {}): Instance {
    instances += 1;
    const lease = `lease-${instances}`;
    const context: StoreContext = {
      prefix: project.toLowerCase().replaceAll(/[^a-z0-9_-]/g, '_'),
      project,
      lease,
      leaseMs: 600_000,
      ttlMs: 3_600_000,
      maxSeries: 2000,
      warn: () => undefined,
      ...options,
    };
    const store = this.#open(context);
    onEnd(this.#owner, () => store.close());
    return new Instance(store, [
      ['host.name', 'web-1'],
      ['process.pid', String(1000 + instances)],
      ['process.runtime.version', '20.1.2'],
      ['service.instance.id', lease],
    ]);
  }

  #open(context: StoreContext): MetricStore {
    if (this.redis === undefined) return createLocalStore(context, { directory: this.directory });
    const target = { mode: 'standalone', nodes: [{ host: '127.0.0.1', port: this.redis.port }] } as const;
    return createRedisStore(context, target, 10_000);
  }
}

export async function newFilledStore(owner: Owner, kind: SharedStore): Promise<FilledStore> {
  return kind === 'redis'
    ? new FilledStore(owner, { redis: await startRedis(owner) })
    : new FilledStore(owner, { directory: scratchDir(owner, 'cli') });
}
