import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  decodeCurrent,
  decodeValues,
  SERIES_PER_SLICE,
  splitInstance,
  want,
} from '../../../../src/store/redis/reading/decode.js';
import { yieldEvery } from '../../../../src/event-loop/fair-yield.js';
import { counter, series } from '../../../contract/bed.js';

const one = series();
const ids = Array.from({ length: 499 }, (_, id) => String(id));
const known = new Map(ids.map((id) => [id, one]));

function packed(...numbers: readonly number[]): Buffer {
  return Buffer.from(Float64Array.from(numbers).buffer);
}

/** How often the event loop had its turn. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let next: NodeJS.Immediate;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  next = setImmediate(count);
  await work();
  clearImmediate(next);
  return turns;
}

test('many families of few series give the event loop its turn as one large family does', async () => {
  const fields = ids.flatMap((id) => [Buffer.from(id), packed(1, 2, 3)]);
  const turns = await turnsDuring(async () => {
    const step = yieldEvery(SERIES_PER_SLICE);
    for (let family = 0; family < 40; family += 1) {
      const wanted = await want(new Map(), 'f', fields, step);
      const { series: decoded } = await decodeValues(counter('f'), fields, wanted, known, step);
      assert.deepEqual(decoded[0], { series: one, updatedAtMs: 1, startedAtMs: 2, values: [3] });
      assert.equal(decoded.length, ids.length);
    }
  });
  assert.ok(turns >= 30, `${turns} turns`);
});

test('many instances do so too', async () => {
  const fields = ids.flatMap((id) => [Buffer.from(`f/${id}`), packed(1, 2)]);
  const turns = await turnsDuring(async () => {
    const step = yieldEvery(SERIES_PER_SLICE);
    const wanted = new Map<string, Set<string>>();
    for (let instance = 0; instance < 20; instance += 1) {
      const { values } = await splitInstance(fields, wanted, step);
      const decoded = await decodeCurrent(values, new Map([['f', known]]), 0, step);
      assert.deepEqual(decoded.values[0], { familyKey: 'f', series: one, recordedAtMs: 1, value: 2 });
    }
    assert.equal(wanted.get('f')?.size, ids.length);
  });
  assert.ok(turns >= 30, `${turns} turns`);
});
