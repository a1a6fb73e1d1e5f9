import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { eventually } from './helpers/eventually.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { answer, TestUpstream } from './helpers/upstream.js';

interface Status {
  readonly upstreams: Record<
    string,
    {
      status: string;
      targets: Array<{ target: string; breaker: string; healthy: boolean; outstanding: number }>;
    }
  >;
}

async function statusOf(gateway: InProcess): Promise<Status['upstreams']> {
  const response = await fetch(`${gateway.url}/status`);
  return ((await response.json()) as Status).upstreams;
}

const fetchStatus = async (url: string, init?: RequestInit): Promise<number> => {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.status;
};

describe('circuit breaker', () => {
  let service: TestUpstream;
  let gateway: InProcess;
  const breaker = { failureRatio: 0.5, window: 10, minimumCalls: 4, halfOpenAfterMs: 500 };

  before(async () => {
    service = await TestUpstream.start();
    gateway = await startInProcess({
      upstreams: { one: { targets: [{ url: service.url }], breaker } },
      routes: [{ name: 'one', path: '/one', upstream: 'one', timeoutMs: 2000, retry: { count: 0 } }],
    });
  });
  after(async () => {
    await gateway.stop();
    await service.stop();
  });

  it('opens after failures, refuses at once, tries with one request after a pause, and closes', async () => {
    service.handler = answer(500);
    for (let n = 0; n < 4; n += 1) assert.equal(await fetchStatus(`${gateway.url}/one`), 500);
    service.requests.length = 0;
    const refused = await fetch(`${gateway.url}/one`);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get('retry-after'), '1');
    assert.equal(((await refused.json()) as { code: string }).code, 'breaker_open');
    assert.equal(service.requests.length, 0);
    assert.equal((await statusOf(gateway))['one']?.targets[0]?.breaker, 'open');
    assert.equal((await statusOf(gateway))['one']?.status, 'down');

    // While it fails, one request in each pause gets through, and no more.
    await eventually(async () => assert.equal(await fetchStatus(`${gateway.url}/one`), 500));
    assert.equal(service.requests.length, 1);
    service.handler = answer(200);
    await eventually(async () => assert.equal(await fetchStatus(`${gateway.url}/one`), 200));
    assert.equal((await statusOf(gateway))['one']?.targets[0]?.breaker, 'closed');
  });

  it('takes no client error, and no client that leaves, for trouble of the service', async () => {
    service.handler = answer(404);
    for (let n = 0; n < 12; n += 1) assert.equal(await fetchStatus(`${gateway.url}/one`), 404);
    service.handler = () => undefined;
    for (let n = 0; n < 6; n += 1)
      await fetch(`${gateway.url}/one`, { signal: AbortSignal.timeout(50) }).catch(() => undefined);
    await eventually(async () => assert.equal((await statusOf(gateway))['one']?.targets[0]?.outstanding, 0));
    assert.equal((await statusOf(gateway))['one']?.targets[0]?.breaker, 'closed');
  });

  it('opens for a service that is too slow', async () => {
    service.handler = () => undefined;
    const statuses = await Promise.all(Array.from({ length: 12 }, () => fetchStatus(`${gateway.url}/one`)));
    assert.ok(statuses.includes(504), String(statuses));
    assert.ok(
      statuses.every((status) => status === 504 || status === 503),
      String(statuses),
    );
    assert.equal((await statusOf(gateway))['one']?.targets[0]?.breaker, 'open');
  });
});

describe('targets', () => {
  let services: TestUpstream[];
  let gateway: InProcess | undefined;

  before(async () => {
    services = await Promise.all([TestUpstream.start(), TestUpstream.start(), TestUpstream.start()]);
  });
  after(async () => {
    await gateway?.stop();
    await Promise.all(services.map((service) => service.stop()));
  });
  const start = async (upstream: object, route: object = {}): Promise<InProcess> => {
    await gateway?.stop();
    for (const service of services) {
      service.requests.length = 0;
      service.handler = answer();
    }
    gateway = await startInProcess({
      upstreams: { u: upstream },
      routes: [{ name: 'r', path: '/r', upstream: 'u', ...route }],
    });
    return gateway;
  };
  const counts = (): number[] =>
    services.map(({ requests }) => requests.filter((request) => request === 'GET /r').length);

  it('get their share by weight', async () => {
    const { url } = await start({
      targets: services.map((service, index) => ({ url: service.url, weight: index === 0 ? 8 : 1 })),
    });
    for (const service of services)
      service.handler = (request, response) => void setTimeout(() => answer()(request, response), 20);
    // Enough at a time that weights show: ten places, of which the first target has eight.
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let n = 0; n < 20; n += 1) assert.equal(await fetchStatus(`${url}/r`), 200);
      }),
    );
    const [first = 0, second = 0, third = 0] = counts();
    assert.equal(first + second + third, 200);
    assert.ok(first > second + third, String(counts()));
    assert.ok(second > 0 && third > 0, String(counts()));
  });

  it('with fewer requests under way are preferred', async () => {
    const { url } = await start(
      { targets: services.map((service) => ({ url: service.url })) },
      { timeoutMs: 60_000 },
    );
    const held: Array<() => void> = [];
    const [slow] = services;
    if (slow) slow.handler = (request, response) => void held.push(() => answer()(request, response));
    const requests: Array<Promise<number>> = [];
    while (held.length === 0) {
      requests.push(fetchStatus(`${url}/r`));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (let n = 0; n < 20; n += 1) assert.equal(await fetchStatus(`${url}/r`), 200);
    assert.equal(counts()[0], 1, 'the target that holds a request got another one');
    for (const release of held) release();
    assert.ok((await Promise.all(requests)).every((status) => status === 200));
  });

  it('that are dead cost no request that may be retried', async () => {
    const dead = await TestUpstream.start();
    const { url } = dead;
    await dead.stop();
    const targets = [{ url }, ...services.map((service) => ({ url: service.url }))];
    const { url: gatewayUrl } = await start({ targets, breaker: { minimumCalls: 2, window: 4 } });
    for (let n = 0; n < 60; n += 1) assert.equal(await fetchStatus(`${gatewayUrl}/r`), 200);
    const status = await statusOf(gateway as InProcess);
    assert.equal(status['u']?.status, 'degraded');
    assert.equal(status['u']?.targets[0]?.breaker, 'open');
  });

  it('that fail their health check get nothing until they are well again', async () => {
    const healthCheck = { path: '/up', intervalMs: 50, timeoutMs: 5000, unhealthyAfter: 2, healthyAfter: 2 };
    const started = await start({ targets: services.map((service) => ({ url: service.url })), healthCheck });
    const [sick] = services;
    if (sick)
      sick.handler = (request, response) => answer(request.url === '/up' ? 503 : 200)(request, response);
    await eventually(async () => assert.equal((await statusOf(started))['u']?.targets[0]?.healthy, false));
    if (sick) sick.requests.length = 0;
    for (let n = 0; n < 30; n += 1) assert.equal(await fetchStatus(`${started.url}/r`), 200);
    assert.equal(counts()[0], 0);
    if (sick) sick.handler = answer();
    await eventually(async () => {
      assert.equal(await fetchStatus(`${started.url}/r`), 200);
      assert.ok((counts()[0] ?? 0) > 0);
    });
  });

  it('are all asked when all fail their health check', async () => {
    const healthCheck = { path: '/up', intervalMs: 50, unhealthyAfter: 1 };
    const started = await start({ targets: services.map((service) => ({ url: service.url })), healthCheck });
    for (const service of services)
      service.handler = (request, response) => answer(request.url === '/up' ? 500 : 200)(request, response);
    await eventually(async () =>
      assert.ok((await statusOf(started))['u']?.targets.every(({ healthy }) => !healthy)),
    );
    assert.equal(await fetchStatus(`${started.url}/r`), 200);
  });

  it('are protected by a bulkhead: so many at a time, so many wait, the rest is refused', async () => {
    const [service] = services;
    const started = await start(
      { targets: [{ url: service?.url }], bulkhead: { concurrent: 2, queue: 1 } },
      { timeoutMs: 60_000, retry: { count: 0 } },
    );
    const held: Array<() => void> = [];
    if (service) service.handler = (request, response) => void held.push(() => answer()(request, response));
    const first = [fetchStatus(`${started.url}/r`), fetchStatus(`${started.url}/r`)];
    await eventually(() => assert.equal(held.length, 2));
    const waiting = fetchStatus(`${started.url}/r`);
    const refused = await eventually(async () => {
      const response = await fetch(`${started.url}/r`, { signal: AbortSignal.timeout(1000) });
      assert.equal(response.status, 503);
      return (await response.json()) as { code: string };
    });
    assert.equal(refused.code, 'bulkhead_full');
    for (const release of held.splice(0)) release();
    await eventually(() => {
      for (const release of held.splice(0)) release();
      assert.ok(counts()[0] === 3 || counts()[0] === 4);
    });
    const release = setInterval(() => {
      for (const answerNow of held.splice(0)) answerNow();
    }, 10);
    assert.deepEqual(await Promise.all([...first, waiting]), [200, 200, 200]);
    clearInterval(release);
  });
});
