import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';

import * as fc from 'fast-check';

import type { Dialect } from '../../src/prometheus/families/metric-family.js';
import { ESCAPING_SCHEMES, isLegacyName } from '../../src/prometheus/naming/escaping.js';
import { type Naming, TRANSLATION_STRATEGIES } from '../../src/prometheus/naming/names.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { Exposition as StrictExposition } from '../helpers/exposition.js';
import { anySnapshot } from './generators.js';
import { assertSamples, expectedSamples, exponentialBuckets } from './model.js';
import { readWithPython } from './python.js';
import { readQuoted } from './quoted.js';
import { ACCEPT, exposition, renderText } from './render.js';

/** Fixed, so that a failure is the same tomorrow. */
const SEED = 20_261;
const CASES = 400;

const WITH_ESCAPING: Readonly<Record<string, readonly [Dialect, string]>> = {
  'text 1.0.0': ['prometheus', ACCEPT.text1],
  OpenMetrics: ['openmetrics', ACCEPT.openmetrics],
};

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

  for (const strategy of TRANSLATION_STRATEGIES) {
    for (const escaping of ESCAPING_SCHEMES) {
      test(`${strategy}, ${escaping}: every value reads back`, async () => {
        const naming = { strategy, escaping };
        await fc.assert(
          fc.asyncProperty(
            anySnapshot,
            fc.constantFrom(...Object.keys(WITH_ESCAPING)),
            async (snapshot, format) => {
              const by = exposition({ translationStrategy: strategy });
              const [dialect, accept] = WITH_ESCAPING[format] ?? assert.fail();
              const read = readQuoted(await renderText(snapshot, `${accept};escaping=${escaping}`, by));
              const expected = expectedSamples(snapshot, dialect, naming);
              assertSamples(read, expected, exponentialBuckets(snapshot, naming), format);
              for (const { name, labels } of read) {
                assert.ok(!Object.keys(labels).some((label) => label.startsWith('__')), name);
                if (escaping === 'allow-utf-8') continue;
                assert.ok(isLegacyName(name, 'metric'), name);
                for (const label of Object.keys(labels)) assert.ok(isLegacyName(label, 'label'), label);
              }
            },
          ),
          { seed: SEED, numRuns: 60 },
        );
      });
    }
  }

  describe('read by the Python client', () => {
    let snapshots: readonly Snapshot[] = [];
    before(() => {
      snapshots = fc.sample(anySnapshot, { seed: SEED, numRuns: CASES });
    });

    for (const format of ['text', 'openmetrics'] as const) {
      test(format, async () => {
        const texts = await Promise.all(
          snapshots.map((snapshot, index) => {
            const { strategy, escaping } = namingOf(index);
            const accept = `${format === 'text' ? ACCEPT.text1 : ACCEPT.openmetrics};escaping=${escaping}`;
            return renderText(snapshot, accept, exposition({ translationStrategy: strategy }));
          }),
        );
        const results = await readWithPython(texts.map((text) => ({ format, text })));
        for (const [index, result] of results.entries()) {
          const snapshot = snapshots[index] ?? assert.fail();
          const where = `case ${index}`;
          if (result instanceof Error) assert.fail(`${where}: ${result.message}\n${texts[index]}`);
          const dialect = format === 'text' ? 'prometheus' : 'openmetrics';
          const naming = namingOf(index);
          const expected = expectedSamples(snapshot, dialect, naming);
          assertSamples(result, expected, exponentialBuckets(snapshot, naming), where);
        }
      });
    }
  });
});

/** All ways of naming that end in legacy names, in turn; half of the cases have the default. */
function namingOf(index: number): Naming {
  const escapings = ESCAPING_SCHEMES.filter((scheme) => scheme !== 'allow-utf-8');
  const turn = index % 2 === 0 ? 0 : Math.floor(index / 2);
  return {
    strategy: TRANSLATION_STRATEGIES[turn % TRANSLATION_STRATEGIES.length] ?? assert.fail(),
    escaping: escapings[Math.floor(turn / TRANSLATION_STRATEGIES.length) % escapings.length] ?? assert.fail(),
  };
}
