import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { familyKey, type Family, type InstanceAggregation } from '../../src/model/family.js';
import { makeSeries, type Attributes, type Series } from '../../src/model/series.js';
import { normalizeAttributes } from '../../src/reader/normalize.js';
import type { ApplyResult, MetricStore, StoreContext } from '../../src/store/metric-store.js';
import type { CurrentPoint, DeltaBatch, DeltaPoint, FamilyPoints } from '../../src/model/delta-batch.js';
import type { Snapshot } from '../../src/model/snapshot.js';

/** The data under a store, as a test sees them. */
export interface StoreData {
  /** A store of one more instance on these data. */
  open(context: StoreContext): MetricStore | Promise<MetricStore>;
  /** Loses everything while the stores stay open: a server restarted empty, a folder deleted. */
  lose(): Promise<void>;
  /** Moves the store's clock forward. Without it, tests use short times and wait. */
  readonly advance?: (ms: number) => void;
  /** Called after each test, when its stores are closed. */
  close(): Promise<void>;
}

export type StoreFactory = () => StoreData | Promise<StoreData>;

/** How long a test with real waiting lets leases and series live, and how long it waits for them to end. */
export const SHORT_MS = 250;
const PATIENCE_MS = 20_000;

export interface Sent {
  readonly deltas?: DeltaBatch['deltas'];
  readonly current?: DeltaBatch['current'];
}

/** One instance: a store, and the numbering of its batches. */
export class Instance {
  readonly store: MetricStore;
  readonly #resource: Attributes;
  #sequence = 0;
  #last: DeltaBatch | undefined;

  constructor(store: MetricStore, resource: Attributes) {
    this.store = store;
    this.#resource = resource;
  }

  async send({ deltas = [], current = [] }: Sent): Promise<ApplyResult> {
    this.#sequence += 1;
    this.#last = {
      sequence: this.#sequence,
      resource: this.#resource,
      collectedAt: performance.now(),
      deltas,
      current,
    };
    return this.store.apply(this.#last);
  }

  /** The very batch that was sent last, as after a lost answer. */
  async sendAgain(): Promise<void> {
    if (this.#last !== undefined) await this.store.apply(this.#last);
  }
}

export interface InstanceOptions extends Partial<StoreContext> {
  readonly resource?: Attributes;
}

let instances = 0;

/** The data of one test and the instances on them. */
export class Bed {
  readonly data: StoreData;
  readonly #stores: MetricStore[] = [];
  readonly #prefix: string;

  constructor(data: StoreData, prefix = 'shop') {
    this.data = data;
    this.#prefix = prefix;
  }

  async instance({ resource, ...overrides }: InstanceOptions = {}): Promise<Instance> {
    instances += 1;
    const own: Attributes = [
      ['service.instance.id', `i${instances}`],
      ['service.name', 'shop'],
    ];
    const lease = `${String(instances).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const store = await this.data.open({
      prefix: this.#prefix,
      project: this.#prefix,
      lease,
      leaseMs: 600_000,
      ttlMs: 3_600_000,
      maxSeries: 100,
      warn: () => undefined,
      ...overrides,
    });
    this.#stores.push(store);
    return new Instance(store, resource ?? own);
  }

  /** Lets `ms` of the store's time pass, and then waits until `check` no longer throws. */
  async after(ms: number, check: () => Promise<void>): Promise<void> {
    if (this.data.advance !== undefined) {
      this.data.advance(ms);
      return check();
    }
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      await sleep(ms / 4);
      try {
        return await check();
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  }

  /** A moment that any clock in milliseconds can see. */
  async moment(): Promise<void> {
    if (this.data.advance === undefined) await sleep(5);
    else this.data.advance(5);
  }

  async close(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    await this.data.close();
  }
}

export const series = (attributes: Readonly<Record<string, string>> = {}): Series =>
  makeSeries({ name: 'contract' }, normalizeAttributes(attributes));

const family = (parts: Omit<Family, 'key' | 'help' | 'unit'> & Partial<Family>): Family => ({
  unit: '',
  help: '',
  ...parts,
  key: familyKey({ unit: '', ...parts }),
});

export const counter = (name: string, parts: Partial<Family> = {}): Family =>
  family({ name, type: 'counter', ...parts });
export const histogram = (name: string, boundaries: readonly number[]): Family =>
  family({ name, type: 'histogram', unit: 's', boundaries });
export const upDownCounter = (name: string): Family =>
  family({ name, type: 'updowncounter', aggregation: 'sum' });
export const gauge = (name: string, aggregation: InstanceAggregation): Family =>
  family({ name, type: 'gauge', aggregation });

export const added = (of: Family, ...points: readonly DeltaPoint[]): FamilyPoints<DeltaPoint> => ({
  family: of,
  points,
});
export const add = (to: Series, ...values: readonly number[]): DeltaPoint => ({ series: to, values });
export const reported = (of: Family, ...points: readonly CurrentPoint[]): FamilyPoints<CurrentPoint> => ({
  family: of,
  points,
});
export const now = (of: Series, value: number, ageMs = 0): CurrentPoint => ({ series: of, value, ageMs });

/** A snapshot's values by family name and attributes: `{ requests: { 'code=200': [3] } }`. */
export function valuesOf(snapshot: Snapshot): Record<string, Record<string, number[]>> {
  return Object.fromEntries(
    snapshot.families.map((one) => [
      one.family.name,
      Object.fromEntries(one.series.map((point) => [textOf(point.series), Array.from(point.values)])),
    ]),
  );
}

export function textOf({ attributes }: Series): string {
  return attributes.map(([key, value]) => `${key}=${value}`).join(',');
}

export async function assertValues(
  { store }: Instance,
  expected: Record<string, Record<string, readonly number[]>>,
): Promise<void> {
  assert.deepEqual(valuesOf(await store.snapshot()), expected);
}
