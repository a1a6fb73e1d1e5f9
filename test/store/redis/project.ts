import { setTimeout as sleep } from 'node:timers/promises';

import { createRedisStore } from '../../../src/store/redis/redis-store.js';
import type { RedisTarget } from '../../../src/store/redis/connection/client.js';
import type { StoreContext } from '../../../src/store/metric-store.js';
import type { Owner } from '../../helpers/owner.js';
import { Warnings } from '../../helpers/warnings.js';
import { Instance, type Sent } from '../../contract/bed.js';

export interface ProjectOptions extends Partial<StoreContext> {
  /** Of one step of the store. Default 10000. */
  readonly timeoutMs?: number;
}

let instances = 0;

/** Instances of one project on one Redis; closed when their owner ends. */
export class RedisProject {
  /** Everything that the stores have warned of. */
  readonly told: Warnings = new Warnings();
  readonly warnings: readonly string[] = this.told.messages;
  readonly #owner: Owner;
  readonly #target: RedisTarget;

  /** `target`: a port of 127.0.0.1, or where Redis is in full. */
  constructor(owner: Owner, target: number | RedisTarget) {
    this.#owner = owner;
    this.#target =
      typeof target === 'number'
        ? { mode: 'standalone', nodes: [{ host: '127.0.0.1', port: target }] }
        : target;
  }

  instance({ timeoutMs = 10_000, ...context }: ProjectOptions = {}): Instance {
    instances += 1;
    const lease = context.lease ?? `lease-${instances}`;
    const store = createRedisStore(
      {
        prefix: 'shop',
        project: 'shop',
        lease,
        leaseMs: 600_000,
        ttlMs: 3_600_000,
        maxSeries: 10_000,
        warn: this.told.warn,
        ...context,
      },
      this.#target,
      timeoutMs,
    );
    this.#owner.after(() => store.close());
    return new Instance(store, [['service.instance.id', lease]]);
  }
}

/**
 * Sends a batch, and the very same again until it is confirmed, as the exporter does. Answers the distinct errors on the
 * way.
 */
export async function sendUntilConfirmed(instance: Instance, sent: Sent): Promise<readonly Error[]> {
  const errors = new Map<string, Error>();
  const giveUpAt = Date.now() + 60_000;
  let attempt: () => Promise<unknown> = () => instance.send(sent);
  for (;;) {
    try {
      await attempt();
      return [...errors.values()];
    } catch (error) {
      if (!(error instanceof Error) || Date.now() > giveUpAt) throw error;
      errors.set(error.message, error);
      attempt = () => instance.sendAgain();
      await sleep(20);
    }
  }
}
