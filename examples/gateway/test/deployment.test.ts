import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { inspect, promisify } from 'node:util';

import { parse, stringify } from 'yaml';

import { freePort } from '../demo/program.js';
import { eventually } from './helpers/eventually.js';
import { GatewayProcess, ROOT } from './helpers/gateway-process.js';
import { scratch } from './helpers/scratch.js';
import { answer, TestUpstream } from './helpers/upstream.js';

const run = promisify(execFile);

interface Listed {
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly kill_timeout: number };
}

describe('PM2, with ecosystem.config.cjs', () => {
  const folder = scratch();
  let service: TestUpstream;
  let url = '';
  const pm2 = async (...args: string[]): Promise<string> => {
    const env = { PATH: process.env['PATH'], HOME: folder, PM2_HOME: join(folder, '.pm2') };
    const command = [join(ROOT, 'node_modules/pm2/bin/pm2'), ...args];
    return (await run(process.execPath, command, { cwd: folder, env, maxBuffer: 1e7 })).stdout;
  };
  const listed = async (): Promise<Listed[]> => {
    const output = await pm2('jlist');
    return JSON.parse(output.slice(output.indexOf('[{'))) as Listed[];
  };

  before(async () => {
    service = await TestUpstream.start(answer());
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    // The application in a folder of its own, so that its .env is that of the test.
    cpSync(join(ROOT, 'ecosystem.config.cjs'), join(folder, 'ecosystem.config.cjs'));
    cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
    mkdirSync(join(folder, 'dist'));
    cpSync(join(ROOT, 'dist/src'), join(folder, 'dist/src'), { recursive: true });
    cpSync(join(ROOT, 'gateway.schema.json'), join(folder, 'gateway.schema.json'));
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const config = {
      upstreams: { s: { targets: [{ url: service.url }] } },
      routes: [{ name: 'r', path: '/r', upstream: 's' }],
    };
    writeFileSync(join(folder, 'gateway.config.yaml'), stringify(config));
    const env = [`PORT=${port}`, 'DB_CONNECTION=none', `OTEL_EXPORTER_PROMETHEUS_PORT=${await freePort()}`];
    writeFileSync(join(folder, '.env'), `${env.join('\n')}\n`);
    await pm2('start', 'ecosystem.config.cjs');
  });
  after(async () => {
    await pm2('kill');
    await service.stop();
  });

  it('a reload under load replaces both processes, loses no request, and does not wait for kill_timeout', async () => {
    await eventually(async () => assert.equal((await fetch(`${url}/r`)).status, 200));
    const old = await listed();
    assert.equal(old.length, 2);
    const statuses = new Map<number | string, number>();
    let running = true;
    const load = async (): Promise<void> => {
      while (running) {
        const status = await fetch(`${url}/r`).then(
          async (response) => {
            await response.arrayBuffer();
            return response.status;
          },
          (error: unknown) => inspect(error),
        );
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const clients = [load(), load(), load(), load()];
    await pm2('reload', 'gateway');
    running = false;
    await Promise.all(clients);
    assert.deepEqual([...statuses.keys()], [200]);
    const now = await listed();
    assert.deepEqual(
      now.map(({ pm2_env: { status } }) => status),
      ['online', 'online'],
    );
    assert.ok(now.every(({ pid }) => old.every((other) => other.pid !== pid)));
    // What PM2 kills because it does not end, its log has.
    const log = readFileSync(join(folder, '.pm2/pm2.log'), 'utf8');
    assert.doesNotMatch(log, /still alive after|SIGKILL/);
  });

  it('starts a process that died again', async () => {
    const [victim] = await listed();
    process.kill(victim?.pid ?? Number.NaN, 'SIGKILL');
    await eventually(async () => {
      const now = await listed();
      assert.ok(now.every(({ pid, pm2_env: { status } }) => pid !== victim?.pid && status === 'online'));
    });
    assert.equal((await fetch(`${url}/r`)).status, 200);
  });
});

it('/health answers 503 while the process closes, and requests are still answered', async () => {
  const service = await TestUpstream.start(answer());
  const config = {
    upstreams: { s: { targets: [{ url: service.url }] } },
    routes: [{ name: 'r', path: '/r', upstream: 's' }],
  };
  const gateway = await GatewayProcess.start({ config, env: { SHUTDOWN_DRAIN_MS: '600000' } });
  try {
    assert.equal((await fetch(`${gateway.url}/health`)).status, 200);
    gateway.program.signal('SIGTERM');
    await gateway.logged(/"msg":"closing"/);
    for (const path of ['/health', '/health/ready']) {
      const health = await fetch(gateway.url + path);
      assert.deepEqual([health.status, health.headers.get('connection')], [503, 'close']);
      assert.equal(((await health.json()) as { status: string }).status, 'stopping');
    }
    assert.equal((await fetch(`${gateway.url}/health/live`)).status, 200);
    assert.equal((await fetch(`${gateway.url}/r`)).status, 200);
  } finally {
    await gateway.stop('SIGKILL');
    await service.stop();
  }
});

describe('the container', () => {
  it('runs as a user without rights, without a shell, and says whether it is healthy', () => {
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    assert.match(last, /^USER node$/m);
    assert.match(last, /^EXPOSE 8000 9464$/m);
    assert.match(last, /^CMD \["node",/m);
    assert.match(last, /^HEALTHCHECK .*\/health/ms);
  });

  it('is started by compose after what it needs', () => {
    interface Compose {
      readonly services: Readonly<
        Record<
          string,
          {
            readonly ports?: readonly string[];
            readonly healthcheck?: object;
            readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
          }
        >
      >;
    }
    const text = readFileSync(join(ROOT, 'compose.yaml'), 'utf8');
    const { services } = parse(text, { merge: true }) as Compose;
    assert.deepEqual(services['gateway']?.ports, ['127.0.0.1:8000:8000', '127.0.0.1:9464:9464']);
    for (const { depends_on: needs = {} } of Object.values(services))
      for (const [name, { condition }] of Object.entries(needs)) {
        assert.ok(services[name] !== undefined, name);
        if (condition === 'service_healthy') assert.ok(services[name].healthcheck !== undefined, name);
      }
    for (const name of ['user', 'order', 'redis', 'postgres'])
      assert.ok(services[name]?.healthcheck !== undefined, name);
    assert.deepEqual(Object.keys(services['gateway']?.depends_on ?? {}).toSorted(), [
      'migrate',
      'order',
      'redis',
      'user',
    ]);
  });
});
