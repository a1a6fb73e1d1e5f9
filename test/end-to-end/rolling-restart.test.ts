import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, Tally } from '../helpers/load.js';
import { startPm2 } from '../helpers/pm2.js';
import { freePort } from '../helpers/ports.js';
import { watchedProject, type Project } from './project.js';
import { SHARED_STORES } from './stores.js';

/** So long that only the end of a process can have flushed what it counted. */
const NEVER = '600000';

/** Requests under way at a time: enough that each end meets some, few enough for what else runs on this machine. */
const CONCURRENCY = 4;

/** Drives requests until `work` is done, and checks that each answer was counted, and nothing else. */
async function underLoad(port: number, { look }: Project, work: () => Promise<void>): Promise<string> {
  const tally = new Tally();
  let done = false;
  const traffic = drive({
    requests: Infinity,
    ports: [port],
    concurrency: CONCURRENCY,
    tally,
    until: () => done,
  });
  await eventually(() => assert.ok(tally.count() > 100));
  await work().finally(() => (done = true));
  await traffic;
  assert.equal(tally.unexpected, 0);
  await eventually(async () => {
    const counted = (await look()).sum('app_requests_total');
    // A request without an answer may or may not have been counted; the client cannot tell.
    const most = tally.count() + tally.failed;
    assert.ok(counted >= tally.count() && counted <= most, `${counted} counted, ${tally.count()} answered`);
  });
  return `${tally.count()} answered and counted, ${tally.failed} without an answer`;
}

for (const store of SHARED_STORES) {
  describe(`${store}: processes that drain and exit, as those do that know nothing of metrics, take no count with them`, () => {
    test('a cluster whose workers are replaced one by one, twice', async (t) => {
      const project = await watchedProject(t, store);
      const port = await freePort();
      const env = { ...project.env, OTEL_METRIC_EXPORT_INTERVAL: NEVER, PORT: String(port), WORKERS: '3' };
      const app = startApp(t, 'ends-cluster.cjs', { env });
      await app.number('listening');
      const seen = await underLoad(port, project, async () => {
        for (const times of [1, 2]) {
          app.send('SIGUSR2');
          await app.waitFor(new RegExp(`(?:replaced[^]*){${times}}`));
        }
        // The last workers as well.
        assert.equal((await app.end('SIGTERM')).code, 7);
      });
      t.diagnostic(seen);
    });

    test('four reloads by PM2', async (t) => {
      const project = await watchedProject(t, store);
      const port = await freePort();
      const env = { ...project.env, PORT: String(port), EXIT_ON: 'SIGINT' };
      const pm2 = await startPm2(t, 'cluster', env);
      const seen = await underLoad(port, project, async () => {
        for (let reload = 0; reload < 4; reload += 1) await pm2.command(['reload', 'shop', '--silent']);
      });
      t.diagnostic(seen);
    });
  });
}
