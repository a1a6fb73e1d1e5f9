import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { GatewayProcess } from './helpers/gateway-process.js';
import { answer, TestUpstream } from './helpers/upstream.js';

describe('SIGHUP', () => {
  let services: TestUpstream[];
  let gateway: GatewayProcess;
  const config = (service: TestUpstream | undefined, more: object = {}): object => ({
    upstreams: { s: { targets: [{ url: service?.url }] } },
    routes: [{ name: 'r', path: '/r', upstream: 's', timeoutMs: 60_000 }],
    ...more,
  });

  before(async () => {
    services = await Promise.all([TestUpstream.start(), TestUpstream.start()]);
    gateway = await GatewayProcess.start({ config: config(services[0]) });
  });
  after(async () => {
    await gateway.stop();
    await Promise.all(services.map((service) => service.stop()));
  });
  const reload = async (next: object, logged: RegExp): Promise<void> => {
    const from = gateway.output.length;
    gateway.reload(next);
    await gateway.logged(logged, from);
  };

  it('applies a new configuration, and loses no request', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      if (services[0] !== undefined)
        services[0].handler = (request, response) => {
          release = () => answer(200, { 'x-service': 'old' })(request, response);
          resolve();
        };
    });
    const open = fetch(`${gateway.url}/r`);
    await held;
    let running = true;
    const statuses: number[] = [];
    const load = async (): Promise<void> => {
      while (running) statuses.push((await fetch(`${gateway.url}/r`)).status);
    };
    if (services[1] !== undefined) services[1].handler = answer(200, { 'x-service': 'new' });
    await reload(config(services[1]), /configuration applied/);
    const clients = [load(), load(), load()];
    for (let n = 0; n < 4; n += 1)
      await reload(
        config(services[1], {
          upstreams: { s: { targets: [{ url: services[1]?.url }], connections: 10 + n } },
        }),
        /configuration applied/,
      );
    running = false;
    await Promise.all(clients);
    assert.ok(statuses.length > 0);
    assert.ok(
      statuses.every((status) => status === 200),
      String(statuses),
    );
    release();
    const answered = await open;
    assert.deepEqual([answered.status, answered.headers.get('x-service')], [200, 'old']);
    assert.equal((await fetch(`${gateway.url}/r`)).headers.get('x-service'), 'new');
  });

  it('keeps the old configuration if the new one is wrong, and says why', async () => {
    await reload({ routes: [{ name: 'r', path: '/r', upstream: 'nobody' }] }, /configuration refused/);
    assert.match(gateway.output, /routes\[0\]\.upstream \\"nobody\\" is not known/);
    assert.equal((await fetch(`${gateway.url}/r`)).status, 200);
  });

  it('changes the level of the log', async () => {
    await reload(config(services[1], { logLevel: 'debug' }), /configuration applied/);
    const from = gateway.output.length;
    await fetch(`${gateway.url}/r`);
    await gateway.logged(/"level":"debug".*"url":"\/r".*"msg":"answered"/, from);
  });
});
