import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { BatchPart } from '../../../../src/store/redis/writing/batch-part.js';
import type { BatchSection } from '../../../../src/store/redis/scripts/batch-section.js';
import { ReplayRing } from '../../../../src/store/redis/writing/replay-ring.js';
import { add, counter, gauge, histogram, series } from '../../../contract/bed.js';

const requests = counter('requests');
const wide = histogram(
  'wide',
  Array.from({ length: 99 }, (_, index) => index),
);

function part(position: number, points: number, family = requests): BatchPart {
  const width = family === requests ? 1 : 101;
  const values = Array.from({ length: width }, () => 1);
  const list = Array.from({ length: points }, () => add(series(), ...values));
  const additions: BatchSection[] = points === 0 ? [] : [{ family, mode: 'd', points: list, removed: [] }];
  return {
    position,
    sections: [...additions, { family: gauge('g', 'max'), mode: 'c', points: [], removed: ['gone'] }],
    size: { families: 2, points, numbers: points * width, bytes: 0 },
  };
}

const positions = (ring: ReplayRing, after: number): number[] =>
  ring.after(after).parts.map((one) => one.position ?? 0);

test('what was confirmed after a position comes back in order, without current values', () => {
  const ring = new ReplayRing();
  for (const position of [1, 2, 5, 9]) ring.push(part(position, 1));
  assert.deepEqual(positions(ring, 0), [1, 2, 5, 9]);
  assert.deepEqual(positions(ring, 2), [5, 9]);
  assert.deepEqual(positions(ring, 9), []);
  assert.equal(ring.after(0).complete, true);
  assert.ok(ring.after(0).parts.every(({ sections }) => sections.every(({ mode }) => mode === 'd')));
});

test('parts without additions are not kept, and nothing is missing for that', () => {
  const ring = new ReplayRing();
  ring.push(part(1, 1));
  for (let position = 2; position < 100_000; position += 1) ring.push(part(position, 0));
  assert.deepEqual(positions(ring, 0), [1]);
  assert.equal(ring.after(50).complete, true);
});

test('is bounded by points and by numbers, and knows when something is missing', () => {
  for (const [points, family, most] of [
    [100, requests, 1000],
    [100, wide, 100],
  ] as const) {
    const ring = new ReplayRing();
    for (let position = 1; position <= 2000; position += 1) ring.push(part(position, points, family));
    const kept = positions(ring, 0);
    assert.ok(kept.length > 0 && kept.length <= most, `${kept.length} parts are kept`);
    assert.equal(kept.at(-1), 2000);
    assert.equal(ring.after(0).complete, false);
    assert.equal(ring.after((kept[0] ?? 0) - 1).complete, true);
  }
});

test('one part that is larger than the bound is kept, and clearing forgets all', () => {
  const ring = new ReplayRing();
  ring.push(part(1, 10_000, wide));
  assert.deepEqual(positions(ring, 0), [1]);
  ring.clear();
  assert.deepEqual(positions(ring, 0), []);
  assert.equal(ring.after(0).complete, false);
  assert.equal(ring.after(1).complete, true);
});
