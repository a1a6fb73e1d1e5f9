import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { DIFFERENCES } from '../../scripts/differences.js';
import { PRELOAD } from '../helpers/app-process.js';
import { CASES } from './applications.js';
import { differences } from './compare.js';
import { observe } from './observe.js';

/** Differences of the documented list that were seen. */
const seen = new Set<RegExp>();

describe('with the preload as without it:', { concurrency: 4 }, () => {
  after(() => {
    const gone = DIFFERENCES.filter(({ where, sometimes }) => sometimes !== true && !seen.has(where));
    assert.deepEqual(
      gone.map(({ what }) => what),
      [],
      'not different any more: remove it from scripts/differences.ts',
    );
  });

  for (const example of CASES) {
    test(example.name, async (t) => {
      const [without, withPreload] = await Promise.all([
        observe(t, example, undefined),
        observe(t, example, PRELOAD),
      ]);
      const unexpected = differences(without, withPreload).filter((difference) => {
        const documented = DIFFERENCES.find(({ where }) => where.test(difference));
        if (documented !== undefined) seen.add(documented.where);
        return documented === undefined;
      });
      assert.deepEqual(unexpected, []);
    });
  }
});
