import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as fc from 'fast-check';

import {
  add,
  added,
  Bed,
  counter,
  gauge,
  histogram,
  type Instance,
  now,
  reported,
  series,
  type Sent,
  upDownCounter,
  valuesOf,
} from './bed.js';

const INSTANCES = 3;
const requests = counter('requests');
const duration = histogram('duration', [1, 2]);
const active = upDownCounter('active');
const MODES = ['sum', 'min', 'max', 'last', 'keep'] as const;
/** Farther apart than any run takes, so that the age of two values orders them whatever the clock does meanwhile. */
const STEP_MS = 1_000_000;

interface Step {
  readonly kind: 'send' | 'again' | 'end' | 'wipe' | 'read';
  readonly instance: number;
  readonly counts: ReadonlyArray<readonly [key: string, count: number]>;
  readonly values: ReadonlyArray<readonly [key: string, value: number]>;
}

const key = fc.constantFrom('a', 'b', 'c');
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    { weight: 8, arbitrary: fc.constant('send' as const) },
    { weight: 3, arbitrary: fc.constantFrom('again' as const, 'read' as const) },
    { weight: 1, arbitrary: fc.constantFrom('end' as const, 'wipe' as const) },
  ),
  instance: fc.nat(INSTANCES - 1),
  counts: fc.uniqueArray(fc.tuple(key, fc.nat(9)), { selector: ([name]) => name }),
  values: fc.uniqueArray(fc.tuple(key, fc.integer({ min: -9, max: 9 })), { selector: ([name]) => name }),
});

function sentBy({ counts, values }: Step, at: number): Sent {
  const ageMs = 1_000_000_000 - at * STEP_MS;
  const points = values.map(([name, value]) => now(series({ key: name }), value, ageMs));
  return {
    deltas: [
      added(requests, ...counts.map(([name, count]) => add(series({ key: name }), count))),
      added(duration, ...counts.map(([name, count]) => add(series({ key: name }), count * 2, count, 0, 1))),
    ],
    current: [reported(active, ...points), ...MODES.map((mode) => reported(gauge(mode, mode), ...points))],
  };
}

const byKey = (names: Iterable<string>, answer: (name: string) => number[]): Record<string, number[]> =>
  Object.fromEntries([...names].map((name) => [`key=${name}`, answer(name)]));

/** The same promises in the simplest words. */
class Model {
  #counts = new Map<string, number>();
  #points = new Map<string, number>();
  #kept = new Map<string, number>();
  /** By instance: step and values of its last batch; none after the end of its lease. */
  readonly #live = new Map<number, { at: number; values: Step['values'] }>();

  send({ instance, counts, values }: Step, at: number): void {
    for (const [name, count] of counts) {
      this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
      this.#points.set(name, (this.#points.get(name) ?? 0) + 1);
    }
    for (const [name, value] of values) this.#kept.set(name, value);
    this.#live.set(instance, { at, values });
  }

  endLease(instance: number): void {
    this.#live.delete(instance);
  }

  wipe(): void {
    this.#counts = new Map();
    this.#points = new Map();
    this.#kept = new Map();
    this.#live.clear();
  }

  expected(): Record<string, Record<string, number[]>> {
    const current = new Map<string, Array<{ at: number; value: number }>>();
    for (const { at, values } of this.#live.values()) {
      for (const [name, value] of values) current.set(name, [...(current.get(name) ?? []), { at, value }]);
    }
    const numbers = (name: string): number[] => (current.get(name) ?? []).map(({ value }) => value);
    const sum = byKey(current.keys(), (name) => [numbers(name).reduce((total, value) => total + value, 0)]);
    const families = {
      requests: byKey(this.#counts.keys(), (name) => [this.#counts.get(name) ?? 0]),
      duration: byKey(this.#counts.keys(), (name) => {
        const count = this.#counts.get(name) ?? 0;
        return [count * 2, count, 0, this.#points.get(name) ?? 0];
      }),
      active: sum,
      sum,
      min: byKey(current.keys(), (name) => [Math.min(...numbers(name))]),
      max: byKey(current.keys(), (name) => [Math.max(...numbers(name))]),
      last: byKey(current.keys(), (name) => [
        (current.get(name) ?? []).reduce((newest, one) => (one.at > newest.at ? one : newest)).value,
      ]),
      keep: byKey(this.#kept.keys(), (name) => [this.#kept.get(name) ?? 0]),
    };
    return Object.fromEntries(Object.entries(families).filter(([, list]) => Object.keys(list).length > 0));
  }
}

async function run(instances: readonly Instance[], steps: readonly Step[]): Promise<void> {
  const model = new Model();
  const stale = new Set<number>();
  for (const [at, one] of steps.entries()) {
    const instance = instances[one.instance];
    assert.ok(instance);
    if (one.kind === 'send') {
      await instance.send(sentBy(one, at));
      model.send(one, at);
      stale.delete(one.instance);
    } else if (one.kind === 'again') {
      // After the end of a lease or a wipe, a store may revive the lease by a repeated batch or not.
      if (!stale.has(one.instance)) await instance.sendAgain();
    } else if (one.kind === 'end') {
      await instance.store.endLease();
      model.endLease(one.instance);
      stale.add(one.instance);
    } else if (one.kind === 'wipe') {
      await instance.store.wipe();
      model.wipe();
      for (let index = 0; index < INSTANCES; index += 1) stale.add(index);
    }
    if (one.kind === 'read' || at === steps.length - 1) {
      assert.deepEqual(valuesOf(await instance.store.snapshot()), model.expected());
    }
  }
}

/** Promises 1 to 3 for random interleavings of instances, batches, repeated batches, ended leases, wipes and reads. */
export function modelContract(bed: () => Bed): void {
  test('agrees with a model that only adds', async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        runs += 1;
        // Data of its own for each run, without the cost of a new server.
        const own = new Bed({ ...bed().data, close: async () => undefined }, `run${runs}`);
        try {
          await run(await Promise.all(Array.from({ length: INSTANCES }, () => own.instance())), steps);
        } finally {
          await own.close();
        }
      }),
      { numRuns: 60 },
    );
  });
}
