import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { rebucket, sameBoundaries, sharedBoundaries } from '../../src/model/boundaries.js';

describe('histograms with different boundaries', () => {
  test('are told apart', () => {
    const boundaries = [1, 2];
    assert.ok(sameBoundaries(boundaries, [...boundaries]));
    assert.ok(sameBoundaries(undefined, undefined));
    assert.ok(!sameBoundaries(boundaries, [1]));
    assert.ok(!sameBoundaries(boundaries, [1, 3]));
    assert.ok(!sameBoundaries([], undefined));
  });

  test('meet on the boundaries that all share', () => {
    assert.deepEqual(
      sharedBoundaries([
        [1, 2, 3, 5],
        [2, 3, 4, 5],
        [1, 2, 5],
      ]),
      [2, 5],
    );
    assert.deepEqual(sharedBoundaries([[1, 2], [3]]), []);
    assert.deepEqual(sharedBoundaries([]), []);
  });

  test('cumulative counts there are what they were', () => {
    assert.deepEqual(rebucket([9, 1, 2, 3, 4, 5], [1, 2, 3, 5], [2, 5]), [9, 3, 7, 5]);
    assert.deepEqual(rebucket([9, 1, 2, 3], [1, 2], []), [9, 6]);
  });

  test('equal boundaries cost nothing', () => {
    const values = [9, 1, 2];
    assert.equal(rebucket(values, [1], [1]), values);
  });
});
