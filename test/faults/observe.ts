import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { exposedName, type Item, NAMES } from './instruments.js';
import type { Row } from './rows.js';
import { Stage } from './stage.js';

export interface Observed {
  readonly row: Row;
  readonly recorded: number;
  readonly lost: number;
  readonly doubled: number;
  /** In words. */
  readonly observed: string;
  /** Why the promise was not kept; undefined if it was. */
  readonly broken: string | undefined;
}

const ONE: Item = { kind: 'count', name: NAMES.count, label: 'a', value: 1 };
const EVERY_MS = 40;
/** Traffic before and after the fault. */
const AROUND_MS = 1500;
const AFTERWARDS = 50;

/** Plays a row: two processes count while the fault comes and goes. */
export async function observe(row: Row, parent: Owner): Promise<Observed> {
  const releases: Array<() => unknown> = [];
  const owner: Owner = { after: (release) => void releases.push(release) };
  parent.after(() => undefined);
  try {
    const stage = new Stage(owner, await row.open(owner));
    await stage.begin();
    await Promise.all([stage.writer(0), stage.writer(1)]);
    const seen = await play(row, stage, owner);
    await stage.close();
    return seen;
  } finally {
    for (const release of releases.toReversed()) await release();
  }
}

async function play(row: Row, stage: Stage, owner: Owner): Promise<Observed> {
  let isOver = false;
  let unanswered = 0;
  const traffic = [0, 1].map(async (number) => {
    const writer = await stage.writer(number);
    while (!isOver && writer.running) {
      // A process that ends answers no more, and may or may not have recorded it.
      await writer.record([ONE]).catch(() => (unanswered += 1));
      await sleep(EVERY_MS);
    }
  });
  await sleep(AROUND_MS);
  await row.happen(stage, owner);
  await sleep(AROUND_MS);
  isOver = true;
  await Promise.all(traffic);
  const { recorded: told } = stage.model;
  const recorded = told - unanswered;
  const isExact = row.promise === 'nothing is lost';
  let shown = isExact
    ? await untilShown(stage, recorded, told).catch(() => settled(stage))
    : await settled(stage);
  let broken = shown > told ? 'something counted twice' : undefined;
  if (row.promise === 'begins from zero, then exact') {
    await stage.record(
      1,
      Array.from({ length: AFTERWARDS }, () => ONE),
    );
    shown =
      (await untilShown(stage, shown + AFTERWARDS).catch(async () => {
        broken = 'what was recorded afterwards is not exact';
        return settled(stage);
      })) - AFTERWARDS;
  }
  const lost = Math.max(0, recorded - shown);
  if (isExact && lost > 0) broken = `${lost} lost`;
  const fell = row.promise === 'begins from zero, then exact' ? [] : stage.watch.violations;
  if (fell.length > 0) broken = fell.join('; ');
  const words =
    lost === 0
      ? 'exact'
      : row.promise === 'since the last flush'
        ? 'what came after the last flush is missing'
        : row.promise;
  return { row, recorded, lost, doubled: Math.max(0, shown - told), observed: broken ?? words, broken };
}

const name = exposedName(NAMES.count, '_total');

async function untilShown(stage: Stage, total: number, most: number = total): Promise<number> {
  return eventually(
    async () => {
      const shown = (await stage.watch.look()).sum(name);
      if (shown < total || shown > most) throw new Error(`${shown}, not ${total}`);
      return shown;
    },
    { deadlineMs: 60_000, everyMs: 200 },
  );
}

/** What is shown when it does not change any more. */
async function settled(stage: Stage): Promise<number> {
  let last = -1;
  return eventually(
    async () => {
      const shown = (await stage.watch.look()).sum(name);
      const isSame = shown === last;
      last = shown;
      if (!isSame) throw new Error('still flushing');
      return shown;
    },
    { deadlineMs: 60_000, everyMs: 3000 },
  );
}
