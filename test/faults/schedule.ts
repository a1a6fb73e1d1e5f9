import { setTimeout as sleep } from 'node:timers/promises';

import * as fc from 'fast-check';

import type { SharedStore } from '../end-to-end/stores.js';
import { type End, ENDS } from './ends.js';
import { endure, type FaultName, faultsOf } from './faults.js';
import { GAUGE_MODES, gaugeName, type Item, NAMES } from './instruments.js';
import type { Stage } from './stage.js';

/** What happens to a project, one after the other. */
export type Step =
  | { readonly do: 'record'; readonly writer: number; readonly items: readonly Item[] }
  | { readonly do: 'end'; readonly writer: number; readonly end: End }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'settle' }
  | {
      readonly do: 'fault';
      readonly fault: FaultName;
      readonly ms: number;
      readonly during: readonly Step[];
    };

const WRITERS = 8;

const label = fc.constantFrom('a', 'b', 'c');

const item: fc.Arbitrary<Item> = fc.oneof(
  ...(['count', 'seen', 'size', 'latency'] as const).map((kind) =>
    fc.record({
      kind: fc.constant(kind),
      name: fc.constant(NAMES[kind]),
      label,
      value: fc.integer({ min: 1, max: 20 }),
    }),
  ),
  ...(['open', 'queue', 'temperature'] as const).map((kind) =>
    fc.record({
      kind: fc.constant(kind),
      name: fc.constant(NAMES[kind]),
      label,
      value: fc.integer({ min: -9, max: 9 }),
    }),
  ),
  fc.record({
    kind: fc.constant('gauge' as const),
    name: fc.constantFrom(...GAUGE_MODES.map(gaugeName)),
    label,
    value: fc.integer({ min: -99, max: 99 }),
  }),
);

/** A schedule of few writers ends and starts the same ones; one of many costs a process for each. */
const writerOf = (writers: number): fc.Arbitrary<number> => fc.nat(writers - 1);

const recordOf = (writers: number): fc.Arbitrary<Step> =>
  fc.record({
    do: fc.constant('record' as const),
    writer: writerOf(writers),
    items: fc.array(item, { minLength: 1, maxLength: 12 }),
  });
const endOf = (writers: number): fc.Arbitrary<Step> =>
  fc.record({ do: fc.constant('end' as const), writer: writerOf(writers), end: fc.constantFrom(...ENDS) });
const wait: fc.Arbitrary<Step> = fc.record({ do: fc.constant('wait' as const), ms: fc.nat(600) });

/** Schedules for a store; 10 to 20 steps take some ten seconds. */
export function schedules(store: SharedStore): fc.Arbitrary<Step[]> {
  return fc.integer({ min: 1, max: WRITERS }).chain((writers) => schedulesOf(store, writers));
}

function schedulesOf(store: SharedStore, writers: number): fc.Arbitrary<Step[]> {
  const [record, end] = [recordOf(writers), endOf(writers)];
  const fault: fc.Arbitrary<Step> = fc.record({
    do: fc.constant('fault' as const),
    fault: fc.constantFrom(...faultsOf(store)),
    ms: fc.integer({ min: 50, max: 1200 }),
    during: fc.array(
      fc.oneof(
        { weight: 3, arbitrary: record },
        { weight: 1, arbitrary: end },
        { weight: 1, arbitrary: wait },
      ),
      { maxLength: 4 },
    ),
  });
  return fc.array(
    fc.oneof(
      { weight: 8, arbitrary: record },
      { weight: 3, arbitrary: end },
      { weight: 3, arbitrary: fault },
      { weight: 2, arbitrary: wait },
      { weight: 1, arbitrary: fc.constant<Step>({ do: 'settle' }) },
    ),
    { minLength: 1, maxLength: 20, size: 'max' },
  );
}

/** What was done so far, over all schedules. */
export interface Counts {
  operations: number;
  readonly faults: Map<string, number>;
  readonly ends: Map<string, number>;
}

/** A process that is stopped, or has no event loop, answers nothing: what is told to it is answered when it goes on. */
export async function play(stage: Stage, steps: readonly Step[], counts: Counts): Promise<void> {
  for (const step of steps) {
    if (step.do === 'record') {
      counts.operations += step.items.length;
      await stage.record(step.writer, step.items);
    } else if (step.do === 'end') {
      await stage.end(step.writer, step.end);
      counts.ends.set(step.end, (counts.ends.get(step.end) ?? 0) + 1);
    } else if (step.do === 'wait') await sleep(step.ms);
    else if (step.do === 'settle') await stage.settle();
    else {
      counts.faults.set(step.fault, (counts.faults.get(step.fault) ?? 0) + 1);
      let during: Promise<void> = Promise.resolve();
      await endure(stage, step.fault, step.ms, async () => {
        during = play(stage, step.during, counts);
        // A stopped process answers when the fault is over.
        if (step.fault !== 'a process is stopped') await during;
      });
      await during;
    }
  }
}
