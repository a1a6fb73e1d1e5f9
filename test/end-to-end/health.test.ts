import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { get, scrape } from '../helpers/scrape.js';
import { newStore } from './stores.js';

interface Health {
  readonly status: string;
  readonly instances?: number;
  readonly store: { readonly description: string; readonly status: string; readonly lagMs?: number };
  readonly checks: Readonly<Record<string, { readonly status: string; readonly error?: string }>>;
}

test('registerHealthCheck: /health and app_health_status say what each check says', async (t) => {
  const port = await freePort();
  const app = startApp(t, 'health.cjs', {
    env: {
      ...(await newStore(t, 'local')),
      ORCHESTRATOR_PREFIX: 'shop',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    },
  });
  const appPort = await app.number('listening');
  const ask = async (): Promise<{ status: number; health: Health }> => {
    const { status, body, headers } = await get(port, '/health');
    assert.match(headers.get('content-type') ?? '', /^application\/json/);
    return { status, health: JSON.parse(body) as Health };
  };
  await eventually(async () => assert.equal((await get(port, '/readyz')).status, 200));

  const { status, health } = await ask();
  assert.equal(status, 200, 'what is not critical takes no process out of service');
  assert.equal(health.status, 'degraded');
  assert.equal(health.instances, 1);
  assert.equal(health.store.status, 'up');
  assert.match(health.store.description, /^local/);
  assert.equal(typeof health.store.lagMs, 'number');
  assert.equal(health.checks['database']?.status, 'up');
  assert.deepEqual([health.checks['disk']?.status, health.checks['disk']?.error], ['down', '2 % left']);
  assert.match(health.checks['partner']?.error ?? '', /100 ms/);
  const gauge = async (check: string): Promise<number | undefined> =>
    (await scrape(port)).samples('app_health_status', { check })[0]?.value;
  await eventually(async () => {
    assert.equal(await gauge('database'), 1);
    assert.equal(await gauge('disk'), 0);
    assert.equal(await gauge('partner'), 0);
  });

  await get(appPort, '/break');
  const broken = await ask();
  assert.equal(broken.status, 503);
  assert.equal(broken.health.status, 'down');
  assert.equal(broken.health.checks['database']?.status, 'down');
  await eventually(async () => assert.equal(await gauge('database'), 0));
  await get(appPort, '/mend');
  assert.equal((await ask()).status, 200);
  await eventually(async () => assert.equal(await gauge('database'), 1));
});
