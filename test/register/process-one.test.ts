import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { fixturePath, PRELOAD, startProgram } from '../helpers/app-process.js';
import { hangingServer } from '../helpers/hanging-server.js';
import { freePort } from '../helpers/ports.js';
import { get } from '../helpers/scrape.js';

const CONTAINER = ['--pid', '--fork', '--kill-child'];

/** Making a process 1 takes the rights of root, and Linux. */
const able = spawnSync('unshare', [...CONTAINER, 'true']).status === 0;

/** The status of requests before a SIGTERM, at once after it, and when a last flush would be long over. */
async function answers(t: TestContext, fixture: string, nodeArgs: readonly string[]): Promise<number[]> {
  const app = startProgram(
    t,
    'unshare',
    [...CONTAINER, process.execPath, ...nodeArgs, fixturePath(fixture)],
    {
      cwd: fixturePath('.'),
      env: {
        ORCHESTRATOR_PREFIX: 'one',
        // The store never answers, so that the flush at the signal takes as long as it can.
        ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${await hangingServer(t)}`,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()),
      },
    },
  );
  const port = await app.number('listening');
  const status = async (): Promise<number> => (await get(port, '/ok')).status;
  const before = await status();
  const [first = 0] = readFileSync(`/proc/${app.pid}/task/${app.pid}/children`, 'utf8')
    .split(' ')
    .map(Number);
  process.kill(first, 'SIGTERM');
  const during = await Promise.all([status(), status()]);
  await sleep(2000);
  const after = await Promise.all([status(), status(), status()]);
  await app.end('SIGKILL');
  return [before, ...during, ...after];
}

describe('process 1 of a container, which lives on after SIGTERM', { skip: !able }, () => {
  for (const fixture of ['server.cjs', 'cluster.cjs']) {
    test(`goes on to answer as if we were not there: ${fixture}`, async (t) => {
      const bare = await answers(t, fixture, []);
      assert.deepEqual(bare, [200, 200, 200, 200, 200, 200]);
      assert.deepEqual(await answers(t, fixture, ['--require', PRELOAD]), bare);
    });
  }
});
