import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive } from '../helpers/load.js';
import { watchedProject } from './project.js';
import { SHARED_STORES } from './stores.js';

for (const store of SHARED_STORES) {
  test(`${store}: while a new version is rolled out, counts and labels stay with the version that counted`, async (t) => {
    const { env, look } = await watchedProject(t, store);
    const targetBefore = (await look()).samples('target_info');
    assert.equal(targetBefore.length, 1);
    const version = (name: string) =>
      startApp(t, 'server.cjs', {
        env: {
          ...env,
          OTEL_RESOURCE_ATTRIBUTES: `service.version=${name}`,
          ORCHESTRATOR_RESOURCE_LABELS: 'service.version',
        },
      });
    const counted = async (): Promise<Array<number | undefined>> => {
      const shown = await look();
      return ['1.0', '1.1'].map((name) => shown.sum('app_requests_total', { service_version: name }));
    };
    const shows = (...expected: Array<number | undefined>) =>
      eventually(async () => assert.deepEqual(await counted(), expected));
    const older = version('1.0');
    await drive({ requests: 30, ports: [await older.number('listening')] });
    await shows(30, 0);
    const newer = version('1.1');
    await drive({ requests: 20, ports: [await newer.number('listening')] });
    await shows(30, 20);
    assert.deepEqual((await look()).samples('target_info'), targetBefore);
    await older.end('SIGTERM');
    await shows(30, 20);
  });
}
