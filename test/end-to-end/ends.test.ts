import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from '../helpers/eventually.js';
import { suiteOwner } from '../helpers/owner.js';
import { scrape } from '../helpers/scrape.js';
import { ENDS, play, setStage, type Stage } from './ends.js';
import { SHARED_STORES } from './stores.js';

for (const store of SHARED_STORES) {
  describe(`nothing is lost, nothing doubled, and all else is as without us, on the ${store} store`, () => {
    const owner = suiteOwner();
    let stage: Stage | undefined;
    const set = (): Stage => stage ?? assert.fail('there is no stage');

    before(async () => {
      stage = await setStage(owner, store);
    });

    for (const end of ENDS) {
      const { name, counts = 3 } = end;
      test(name, async (t) => {
        const { env, port } = set();
        await play(t, end, env);
        await eventually(async () =>
          assert.equal((await scrape(port)).sum('app_jobs_total', { end: name }), counts),
        );
        const exposition = await scrape(port);
        if (end.fixture !== undefined) return;
        assert.equal(exposition.sum('app_seconds_count', { end: name }), counts);
        assert.equal(exposition.sum('job_last', { end: name }), counts);
      });
    }

    test('and nothing comes twice afterwards', async () => {
      const { port, spool } = set();
      await sleep(2500);
      const exposition = await scrape(port);
      for (const { name, counts = 3 } of ENDS)
        assert.equal(exposition.sum('app_jobs_total', { end: name }), counts, name);
      if (store === 'redis') assert.deepEqual(existsSync(spool) ? readdirSync(spool) : [], []);
    });
  });
}
