import assert from 'node:assert/strict';
import { it } from 'node:test';

import { startInProcess } from './helpers/in-process.js';
import { type Echo, answer, TestUpstream } from './helpers/upstream.js';

it('APP_NAME, APP_ENV, APP_URL, SERVICE_<NAME>_BASE_URL, ORCHESTRATOR_RETRY_COUNT and ORCHESTRATOR_TIMEOUT_MS have an effect', async () => {
  const service = await TestUpstream.start(answer());
  const config = { routes: [{ name: 'r', path: '/r', upstream: 'some' }] };
  const gateway = await startInProcess(config, {
    APP_NAME: 'front',
    APP_ENV: 'staging',
    APP_URL: 'https://shop.example',
    SERVICE_SOME_BASE_URL: service.url,
    ORCHESTRATOR_RETRY_COUNT: '1',
    ORCHESTRATOR_TIMEOUT_MS: '300',
  });
  try {
    const status = (await (await fetch(`${gateway.url}/status`)).json()) as { name: string; env: string };
    assert.deepEqual([status.name, status.env], ['front', 'staging']);
    const { headers } = (await (await fetch(`${gateway.url}/r`)).json()) as Echo;
    assert.match(headers['via'] ?? '', /front/);
    assert.equal(headers['x-forwarded-host'], 'shop.example');
    assert.equal(headers['x-forwarded-proto'], 'https');
    // Never an answer: one attempt and one retry, each ended by the timeout.
    service.requests.length = 0;
    service.handler = () => undefined;
    assert.equal((await fetch(`${gateway.url}/r`)).status, 504);
    assert.equal(service.requests.length, 2);
  } finally {
    await gateway.stop();
    await service.stop();
  }
});
