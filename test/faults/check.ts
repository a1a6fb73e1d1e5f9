import { AssertionError } from 'node:assert';

import * as fc from 'fast-check';

import type { SharedStore } from '../end-to-end/stores.js';
import type { Owner } from '../helpers/owner.js';
import { type Counts, play, schedules, type Step } from './schedule.js';
import { type Ground, openGround, Stage } from './stage.js';

/** After a failure, smaller schedules are tried for so long. */
const SHRINK_MS = 180_000;

export interface Checked extends Counts {
  schedules: number;
  scrapes: number;
}

export interface CheckOptions {
  readonly store: SharedStore;
  readonly seed: number;
  /** Schedules begin until then. */
  readonly ms: number;
  readonly say?: (line: string) => void;
}

/**
 * Plays schedules until the time is over: each writes what is known through faults and ends, and the exposition has to be what the
 * model says. Throws at the first violation, with the seed that repeats it and the smallest schedule that was found to fail.
 */
export async function check(
  owner: Owner,
  { store, seed, ms, say = () => undefined }: CheckOptions,
): Promise<Checked> {
  const endMark = performance.now() + ms;
  const ground = await openGround(owner, store);
  const checked: Checked = { schedules: 0, scrapes: 0, operations: 0, faults: new Map(), ends: new Map() };
  for (let next = seed; performance.now() < endMark || next === seed; next += 1) {
    let giveUpMark = Infinity;
    const property = fc.asyncProperty(schedules(store), async (steps) => {
      if (performance.now() > giveUpMark) return;
      try {
        await playOne(owner, ground, steps, checked);
      } catch (error) {
        if (giveUpMark === Infinity) {
          say(`Seed ${next} fails: ${String(error)}\nSmaller schedules are tried.`);
          giveUpMark = performance.now() + SHRINK_MS;
        }
        throw error;
      }
    });
    const result = await fc.check(property, { seed: next, numRuns: 1 });
    if (result.failed) throw violation(store, next, result.counterexample?.[0] ?? [], result.errorInstance);
    checked.schedules += 1;
    say(`seed ${next}: ${checked.operations} operations so far`);
  }
  return checked;
}

async function playOne(
  owner: Owner,
  ground: Ground,
  steps: readonly Step[],
  checked: Checked,
): Promise<void> {
  const stage = new Stage(owner, ground);
  try {
    await stage.begin();
    await play(stage, steps, checked);
    await stage.settle();
    checked.scrapes += stage.watch.scrapes;
  } finally {
    await stage.close();
  }
}

function violation(store: string, seed: number, steps: readonly Step[], error: unknown): AssertionError {
  const message = [
    `npm run test:faults -- --store ${store} --seed ${seed}`,
    String(error),
    `The smallest schedule that was found to fail:`,
    JSON.stringify(steps, null, 1),
  ].join('\n');
  return new AssertionError({ message });
}
