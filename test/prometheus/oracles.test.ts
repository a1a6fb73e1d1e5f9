import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import * as fc from 'fast-check';

import type { Snapshot } from '../../src/store/metric-store.js';
import { Exposition as StrictExposition } from '../helpers/exposition.js';
import { anySnapshot } from './generators.js';
import { assertSamples, expectedSamples, exponentialBuckets } from './model.js';
import { readWithPython } from './python.js';
import { ACCEPT, renderText } from './render.js';

/** Fixed, so that a failure is the same tomorrow; another one is a matter of the environment of the developer. */
const SEED = 20_261;
const CASES = 400;

describe('random snapshots', () => {
  test('text: strict invariants, and every value reads back', async () => {
    await fc.assert(
      fc.asyncProperty(anySnapshot, async (snapshot) => {
        const { families } = new StrictExposition(await renderText(snapshot));
        const read = [...families.values()].flatMap(({ samples }) => samples);
        assertSamples(
          read,
          expectedSamples(snapshot, 'prometheus'),
          exponentialBuckets(snapshot),
          'strict parser',
        );
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });

  describe('read by the Python client', () => {
    let snapshots: readonly Snapshot[] = [];
    before(() => {
      snapshots = fc.sample(anySnapshot, { seed: SEED, numRuns: CASES });
    });

    for (const format of ['text', 'openmetrics'] as const) {
      test(format, async () => {
        const texts = await Promise.all(snapshots.map((snapshot) => renderText(snapshot, ACCEPT[format])));
        const results = await readWithPython(texts.map((text) => ({ format, text })));
        for (const [index, result] of results.entries()) {
          const snapshot = snapshots[index] ?? assert.fail();
          const where = `case ${index}`;
          if (result instanceof Error) assert.fail(`${where}: ${result.message}\n${texts[index]}`);
          const dialect = format === 'text' ? 'prometheus' : 'openmetrics';
          assertSamples(result, expectedSamples(snapshot, dialect), exponentialBuckets(snapshot), where);
        }
      });
    }
  });
});
