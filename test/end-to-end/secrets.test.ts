import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { hashPassword } from '../../src/server/access/password-hash.js';
import { type AppProcess, PRELOAD, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { get } from '../helpers/scrape.js';

/** In every secret that is planted, and nowhere else. */
const MARK = 'hUnTeR2';
const secret = (name: string): string => `${MARK}-${name}`;

const TOKEN = secret('token');

const APPLICATION = `
  const { metrics } = require('@opentelemetry/api');
  metrics.getMeter('application').createCounter('counter').add(1);
  process.title = 'application';
  require('node:http').createServer((_request, response) => response.end()).listen(0, '127.0.0.1', function () {
    console.log('listening', this.address().port);
  });
  setTimeout(() => { if (process.env.CRASH) throw new Error('the application crashes'); }, 2500);`;

/** Set in each trouble. */
async function planted(metricsPort: number): Promise<Record<string, string>> {
  return {
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_METRICS_TOKEN: `${TOKEN},${secret('second')}`,
    ORCHESTRATOR_METRICS_BASIC_AUTH: `prometheus:${await hashPassword(secret('basic'))}`,
    ORCHESTRATOR_WIPE_TOKEN: secret('wipe'),
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=Bearer%20${secret('headers')},x-key=${secret('key')}`,
    OTEL_RESOURCE_ATTRIBUTES: `api_key=${secret('attribute')},db.url=redis://u:${secret('attribute-url')}@db/0,deployment.environment=test`,
    OTEL_NODE_RESOURCE_DETECTORS: 'all',
    OTEL_METRIC_EXPORT_INTERVAL: '300',
    OTEL_LOG_LEVEL: 'debug',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
  };
}

/** A trouble, with what it is known by on stderr. */
interface Trouble {
  readonly env: Readonly<Record<string, string>>;
  readonly known: RegExp;
}

const PATHS = ['/metrics', '/health', '/healthz', '/readyz', '/', '/other', '/wipe-metrics'];

/** Everything that a run says to anyone. */
async function heard(app: AppProcess, port: number, until: RegExp): Promise<string> {
  await app.waitFor(/listening/);
  await app.waitForStderr(until);
  const answers: string[] = [];
  const ask = async (path: string, init: RequestInit): Promise<void> => {
    const { status, body, headers } = await get(port, path, init);
    answers.push(`${path} ${status} ${JSON.stringify([...headers])} ${body}`);
  };
  const served = await get(port, '/healthz').then(
    () => true,
    () => false,
  );
  if (served) {
    for (const path of PATHS) {
      await ask(path, {});
      await ask(path, { headers: { authorization: `Bearer ${TOKEN}` } });
    }
    await ask('/metrics', { headers: { authorization: 'Bearer wrong' } });
    const openMetrics = 'application/openmetrics-text;version=1.0.0';
    await ask('/metrics', { headers: { authorization: `Bearer ${TOKEN}`, accept: openMetrics } });
  }
  const title = readFileSync(`/proc/${app.pid}/comm`, 'utf8');
  const { stdout, stderr } = await app.end('SIGTERM');
  return [stdout, stderr, title, ...answers].join('\n');
}

async function start(owner: Owner, port: number, env: Readonly<Record<string, string>>): Promise<AppProcess> {
  const all = { ...(await planted(port)), ...env };
  return startProgram(
    owner,
    process.execPath,
    ['--require', PRELOAD, '--eval', APPLICATION, '--', `--password=${secret('argument')}`],
    { cwd: PACKAGE_ROOT, env: all },
  );
}

function assertSilent(said: string, where: string): void {
  const line = said.split('\n').find((one) => one.includes(MARK));
  assert.equal(line?.slice(0, 500), undefined, where);
}

/** Every key and value of a server, as its own dump has it: packed, but not encrypted. */
async function storedIn(redis: RedisServer): Promise<string> {
  const client = redis.client();
  const all: string[] = [];
  for (const key of await client.keys('*')) {
    all.push(key);
    const type = await client.type(key);
    if (type === 'hash') for (const pair of Object.entries(await client.hgetall(key))) all.push(...pair);
    if (type === 'string') all.push((await client.get(key)) ?? '');
    if (type === 'zset') all.push(...(await client.zrange(key, 0, '-1')));
  }
  return all.join('\n');
}

describe('no secret is said, served or stored', { concurrency: false }, () => {
  test('when all is well with Redis', async (t) => {
    const redis = await startRedis(t, { password: secret('redis') });
    const port = await freePort();
    const app = await start(t, port, { ORCHESTRATOR_REDIS_URL: redis.url });
    await eventually(async () => {
      const { status, body } = await get(port, '/metrics', { headers: { authorization: `Bearer ${TOKEN}` } });
      assert.equal(status, 200);
      assert.match(body, /^counter_total/m);
      // The rest of the resource is there.
      assert.match(body, /^target_info\{.*deployment_environment="test"/m);
    });
    const stored = await storedIn(redis);
    assert.match(stored, /deployment\.environment/);
    const said = await heard(app, port, /prefix shop/);
    assert.match(said, /debug: /);
    for (const text of [stored, said]) {
      assertSilent(text, 'all is well');
      assert.doesNotMatch(text, /process[._]command/);
    }
  });

  test('when all is well with files', async (t) => {
    const directory = scratchDir(t, 'secrets');
    const port = await freePort();
    const app = await start(t, port, { ORCHESTRATOR_LOCAL_DIR: directory });
    await eventually(async () => assert.equal((await get(port, '/readyz')).status, 200));
    const stored = readdirSync(join(directory, 'shop')).map((name) =>
      readFileSync(join(directory, 'shop', name), 'utf8'),
    );
    assert.match(stored.join(''), /deployment\.environment/);
    assertSilent(stored.join('\n'), 'files');
    assertSilent(await heard(app, port, /prefix shop/), 'all is well');
  });

  const TROUBLES: Readonly<Record<string, Trouble>> = {
    'a server that is away': {
      env: { ORCHESTRATOR_REDIS_URL: `redis://u:${secret('url')}@127.0.0.1:1/0?x=${secret('query')}` },
      known: /ORCHESTRATOR_METRICS_WAIT/,
    },
    'a host that does not exist': {
      env: { ORCHESTRATOR_REDIS_URL: `redis://u:${secret('url')}@no-such-host.invalid:6379` },
      known: /ORCHESTRATOR_METRICS_WAIT/,
    },
    'a password with a slash in it': {
      env: { ORCHESTRATOR_REDIS_URL: `redis://u:12/${secret('url')}@127.0.0.1:6379` },
      known: /ORCHESTRATOR_REDIS_URL=.* is not allowed/,
    },
    'a password behind the number of the database': {
      env: { ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:1/0/${secret('url')}` },
      known: /ORCHESTRATOR_REDIS_URL=.* is not allowed/,
    },
    'URLs in the place of nodes': {
      env: {
        ORCHESTRATOR_REDIS_MODE: 'sentinel',
        ORCHESTRATOR_REDIS_NODES: `redis://:${secret('nodes')}@127.0.0.1:1`,
      },
      known: /ORCHESTRATOR_REDIS_NODES=.* is not allowed/,
    },
    'a login in the place of nodes': {
      env: {
        ORCHESTRATOR_REDIS_MODE: 'cluster',
        ORCHESTRATOR_REDIS_NODES: `shop:${secret('nodes')}@127.0.0.1:1`,
      },
      known: /ORCHESTRATOR_REDIS_NODES=.* is not allowed/,
    },
    'a URL in the place of a protocol': {
      env: { OTEL_EXPORTER_OTLP_PROTOCOL: `https://u:${secret('protocol')}@collector` },
      known: /OTEL_EXPORTER_OTLP_PROTOCOL=.* is not allowed/,
    },
    'a token in the place of a number': {
      env: { ORCHESTRATOR_MAX_SERIES: `token:${secret('number')}` },
      known: /ORCHESTRATOR_MAX_SERIES=.* is not allowed/,
    },
    'a secret of another setting in the place of a level': {
      env: { ORCHESTRATOR_STORE: secret('wipe') },
      known: /ORCHESTRATOR_STORE=.* is not allowed/,
    },
    'tokens and users that cannot be used': {
      env: {
        ORCHESTRATOR_METRICS_BASIC_AUTH: `prometheus:${secret('plain')}`,
        ORCHESTRATOR_METRICS_TOKEN: `${TOKEN},two ${secret('words')}`,
      },
      known: /ORCHESTRATOR_CREDENTIALS_UNUSABLE/,
    },
    'a collector that is away': {
      env: {
        OTEL_METRICS_EXPORTER: 'orchestrator,otlp',
        OTEL_TRACES_EXPORTER: 'otlp',
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://u:${secret('endpoint')}@127.0.0.1:1`,
      },
      known: /ECONNREFUSED|OTLP|otlp|Export/,
    },
    'an application that crashes': { env: { CRASH: '1' }, known: /the application crashes/ },
  };

  for (const [trouble, { env, known }] of Object.entries(TROUBLES)) {
    test(`with ${trouble}`, async (t) => {
      const port = await freePort();
      const app = await start(t, port, { ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'secrets'), ...env });
      // Longer than an interval, so that what fails has failed more than once.
      const said =
        env['CRASH'] === undefined
          ? await heard(app, port, known)
          : await app.ending.then(({ stdout, stderr }) => `${stdout}\n${stderr}`);
      assert.match(said, known);
      // V8 prints the line of the source that throws; there is no secret in it.
      assertSilent(said, trouble);
    });
  }

  test('with a wrong password and with rights that are missing', async (t) => {
    const redis = await startRedis(t, {
      password: secret('right'),
      users: [`shop on >${secret('acl')} -@all`],
    });
    for (const [user, password, known] of [
      ['', secret('wrong'), /WRONGPASS/],
      ['shop', secret('acl'), /NOPERM|permissions/],
    ] as const) {
      const port = await freePort();
      const app = await start(t, port, { ORCHESTRATOR_REDIS_URL: redis.urlFor(user, password) });
      const said = await heard(app, port, known);
      assertSilent(said, String(known));
    }
  });
});

test('what a server gave is cut before it is said or served', async (t) => {
  const redis = await startRedis(t);
  const port = await freePort();
  const project = { name: 'x'.repeat(500_000), schema: '1', epoch: 'e', createdMs: '1' };
  await redis.client().hset('orchestrator:{shop}:project', project);
  const app = await start(t, port, { ORCHESTRATOR_REDIS_URL: redis.url, OTEL_LOG_LEVEL: 'warn' });
  await app.waitForStderr(/ORCHESTRATOR_METRICS_WAIT/);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { status, body } = await get(port, '/metrics', { headers });
  assert.equal(status, 503);
  for (const text of [body, (await get(port, '/health', { headers })).body, app.stderr])
    assert.ok(text.length < 10_000 && text.includes('xxxx'), `${text.length}: ${text.slice(0, 300)}`);
});
