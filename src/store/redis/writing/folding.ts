import type { DeltaPoint, FamilyPoints } from '../../../model/delta-batch.js';
import { SHOWN_AS_STORED } from '../../../model/shown-as.js';
import type { StoreContext } from '../../metric-store.js';
import { foldExpired, joinSteps } from '../../state/fold-expired.js';
import type { RedisConnection } from '../connection/connection.js';
import { RedisReader } from '../reading/snapshot-reader.js';
import { APPLY } from '../scripts/apply.js';
import type { BatchSection } from '../scripts/batch-section.js';
import type { RedisKeys } from '../scripts/keys.js';

/** In numbers of eight bytes: 200 points, 40 KB, a millisecond of Redis. */
const CALL_NUMBERS = 5000;

/** Moves what has expired to the living series with which it is shown; see `fold-expired.ts`. */
export class Folding {
  readonly #context: StoreContext;
  readonly #keyTtlMs: number;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  #position = 0;

  constructor(context: StoreContext, keyTtlMs: number, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#keyTtlMs = keyTtlMs;
    this.#connection = connection;
    this.#keys = keys;
  }

  /** @param expired keys of the families that have expired series */
  async fold(expired: ReadonlySet<string>): Promise<void> {
    const { ttlMs, shownAs = SHOWN_AS_STORED } = this.#context;
    const metrics = new Set<string>();
    // A reader of its own: the labels of what it does not read are forgotten.
    const reader = new RedisReader({ ...this.#context, warn: () => undefined }, this.#connection, this.#keys);
    await reader.additive((family) => {
      if (expired.has(family.key)) metrics.add(shownAs.metric(family));
      return false;
    });
    const { atMs, families } = await reader.additive((family) => metrics.has(shownAs.metric(family)));
    const steps = await foldExpired(families, shownAs, atMs - ttlMs);
    for (const step of joinSteps(steps, CALL_NUMBERS)) await this.#apply(step);
  }

  /** A step that is repeated, because its answer was lost, finds that its position was applied before. */
  async #apply(step: ReadonlyArray<FamilyPoints<DeltaPoint>>): Promise<void> {
    const { project, lease, ttlMs, maxSeries } = this.#context;
    this.#position += 1;
    await this.#connection.run(APPLY, {
      keys: this.#keys,
      instance: { project, lease: `${lease}/fold`, leaseMs: 0, ttlMs, maxSeries },
      keyTtlMs: this.#keyTtlMs,
      kind: 'late',
      position: this.#position,
      previous: 0,
      epoch: undefined,
      resource: [],
      contactAtMs: 0,
      sections: step.map(({ family, points }): BatchSection => ({
        family,
        mode: family.type === 'exponentialhistogram' ? 'e' : 'd',
        points,
        removed: [],
      })),
      known: new Map(),
      nowMark: performance.now(),
    });
  }
}
