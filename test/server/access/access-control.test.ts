import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { hashPassword } from '../../../src/server/access/password-hash.js';
import { eventually } from '../../helpers/eventually.js';
import { ask, type RawAnswer, type RawRequest } from '../../helpers/raw-request.js';
import { scratchDir } from '../../helpers/scratch.js';
import { codesOf, listening, warningsOf } from '../open-server.js';

const TOKEN = 'correct-horse-battery-staple';
const bearer = (token: string): RawRequest => ({ headers: { Authorization: `Bearer ${token}` } });
const basic = (user: string, password: string): RawRequest => ({
  headers: { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
});
const statusOf = async (port: number, request: RawRequest): Promise<number> =>
  (await ask(port, request)).status;

/** All that a server said, but for the time. */
function words({ headers, body }: RawAnswer): string {
  const { date: _date, ...rest } = headers;
  return `${JSON.stringify(rest)} ${body.toString()}`;
}

describe('with a token set, whoever has none', () => {
  const PATHS = [
    '/metrics',
    '/metrics?project=hr',
    '/health',
    '/',
    '/other',
    '/wipe-metrics',
    '//',
    '/healthz/',
  ];

  test('gets /healthz and the bare status of /readyz, and nothing else', async (t) => {
    const { port } = await listening(t, {
      settings: { metricsToken: [TOKEN], wipeToken: 'another-one' },
      notReady: () => 'redis 10.0.0.7:6379 of shop is away',
      health: () => assert.fail('it must not be asked'),
      read: () => assert.fail('it must not be read'),
    });
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      for (const path of [...PATHS, '/healthz', '/readyz']) {
        if (['GET', 'HEAD'].includes(method) && ['/healthz', '/readyz'].includes(path)) continue;
        const answer = await ask(port, { path, method });
        assert.equal(answer.status, 401, `${method} ${path}`);
        assert.equal(answer.headers['www-authenticate'], 'Bearer realm="metrics"');
        assert.doesNotMatch(words(answer), /shop|redis|local|c_total/i);
      }
    }
    for (const query of ['', '?project=hr', '?project=shop']) {
      const alive = await ask(port, { path: `/healthz${query}` });
      assert.deepEqual([alive.status, alive.body.toString()], [200, 'ok\n']);
      const ready = await ask(port, { path: `/readyz${query}` });
      assert.deepEqual([ready.status, ready.body.toString()], [503, 'not ready\n']);
      for (const answer of [alive, ready])
        assert.doesNotMatch(words(answer), /orchestrator|shop|redis|local/i);
    }
  });

  test('is told so by its browser, and by a wrong token no less', async (t) => {
    const { port } = await listening(t, {
      settings: { metricsToken: [TOKEN], metricsBasicAuth: [`prometheus:${await hashPassword('pw')}`] },
    });
    for (const request of [{}, bearer('wrong'), basic('prometheus', 'wrong'), basic('nobody', 'pw')]) {
      const { status, headers } = await ask(port, request);
      assert.equal(status, 401);
      assert.equal(
        headers['www-authenticate'],
        'Bearer realm="metrics", Basic realm="metrics", charset="UTF-8"',
      );
    }
  });
});

describe('a bearer token', () => {
  test('opens everything, and nothing but the token does', async (t) => {
    const { port } = await listening(t, { settings: { metricsToken: [TOKEN, 'the-next-token'] } });
    for (const token of [TOKEN, 'the-next-token']) {
      for (const path of ['/metrics', '/health', '/', '/readyz', '/healthz'])
        assert.equal(await statusOf(port, { ...bearer(token), path }), 200, path);
    }
    assert.equal(await statusOf(port, { headers: { Authorization: `bEARER   ${TOKEN} ` } }), 200);
    for (const Authorization of [
      TOKEN,
      `Basic ${TOKEN}`,
      'Bearer',
      'Bearer ',
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(0, -1)}`,
      `Bearer ${TOKEN.toUpperCase()}`,
      `Bearer x ${TOKEN}`,
      `Bearer ${TOKEN},the-next-token`,
      'Bearer undefined',
    ])
      assert.equal(await statusOf(port, { headers: { Authorization } }), 401, Authorization);
    assert.equal(
      (await ask(port, { ...bearer(TOKEN), path: '/healthz' })).headers['x-orchestrator-project'],
      'shop',
    );
  });

  test('of a file is exchanged while the server runs', async (t) => {
    const file = join(scratchDir(t, 'token'), 'token');
    writeFileSync(file, '# for Prometheus\nfirst-token\n\n');
    const { server, port } = await listening(t, {
      settings: { metricsToken: ['of-the-setting'], metricsTokenFile: file },
    });
    assert.equal(await statusOf(port, bearer('first-token')), 200);
    assert.equal(await statusOf(port, bearer('# for Prometheus')), 401);

    writeFileSync(file, 'first-token\r\nsecond-token');
    await eventually(async () => assert.equal(await statusOf(port, bearer('second-token')), 200));
    assert.equal(await statusOf(port, bearer('first-token')), 200);

    // As Kubernetes does it: what the link points to is exchanged.
    writeFileSync(`${file}.next`, 'third-token');
    unlinkSync(file);
    symlinkSync(`${file}.next`, file);
    await eventually(async () => assert.equal(await statusOf(port, bearer('third-token')), 200));
    assert.equal(await statusOf(port, bearer('second-token')), 401);

    writeFileSync(`${file}.other`, '');
    renameSync(`${file}.other`, file);
    await eventually(async () => assert.equal(await statusOf(port, bearer('third-token')), 401));
    assert.equal(await statusOf(port, bearer('of-the-setting')), 200);
    assert.deepEqual(codesOf(server), ['ORCHESTRATOR_REQUESTS_REFUSED']);
  });

  test('of a file that goes away stays, and one warning says so', async (t) => {
    const file = join(scratchDir(t, 'token'), 'token');
    writeFileSync(file, TOKEN);
    const { server, port } = await listening(t, { settings: { metricsTokenFile: file } });
    assert.equal(await statusOf(port, bearer(TOKEN)), 200);
    rmSync(file);
    await eventually(async () => {
      assert.equal(await statusOf(port, bearer(TOKEN)), 200);
      assert.deepEqual(codesOf(server), ['ORCHESTRATOR_FILE_UNUSABLE']);
    });
    assert.match(
      warningsOf(server)[0] ?? '',
      /^ORCHESTRATOR_METRICS_TOKEN_FILE=.*token cannot be used: ENOENT/,
    );
    writeFileSync(file, 'a-new-token');
    await eventually(async () => assert.equal(await statusOf(port, bearer('a-new-token')), 200));
  });
});

describe('what is set wrongly stays closed', () => {
  test('a file that is not there, a folder, a file that is too large', async (t) => {
    const dir = scratchDir(t, 'token');
    writeFileSync(join(dir, 'large'), 'x'.repeat(2_000_000));
    for (const name of ['none', '.', 'large']) {
      const { server, port } = await listening(t, { settings: { metricsTokenFile: join(dir, name) } });
      for (const request of [{}, bearer(''), bearer('undefined'), bearer('x')])
        assert.equal(await statusOf(port, request), 401);
      assert.ok(codesOf(server).includes('ORCHESTRATOR_FILE_UNUSABLE'), name);
    }
  });

  test('a token that no client can send, and a user without a hash', async (t) => {
    const entries = [
      'prometheus:password',
      'prometheus',
      ':scrypt:16384:8:5:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      'cost:scrypt:1048576:8:1:AAAAAAAAAAAAAAAAAAAAAA:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ];
    const { server, port } = await listening(t, {
      settings: { metricsToken: ['', 'two words'], metricsBasicAuth: entries },
    });
    for (const request of [
      {},
      bearer(''),
      bearer('two words'),
      basic('prometheus', 'password'),
      basic('', ''),
    ])
      assert.equal(await statusOf(port, request), 401);
    const unusable = warningsOf(server).filter((line) => line.includes('cannot be used and let nobody in'));
    assert.deepEqual(
      unusable.map((line) => line.split(' ').slice(0, 2).join(' ')),
      ['ORCHESTRATOR_METRICS_TOKEN: 2', 'ORCHESTRATOR_METRICS_BASIC_AUTH: 4'],
    );
    assert.ok(!warningsOf(server).join('\n').includes('password'));
  });
});

describe('basic authentication', () => {
  test('lets in who has the password, of several users', async (t) => {
    const users = [`prometheus:${await hashPassword('p:w ü')}`, `alice:${await hashPassword('')}`];
    const { port } = await listening(t, { settings: { metricsBasicAuth: users } });
    for (const [user, password] of [
      ['prometheus', 'p:w ü'],
      ['alice', ''],
    ] as const)
      for (let time = 0; time < 3; time += 1) assert.equal(await statusOf(port, basic(user, password)), 200);
    for (const [user, password] of [
      ['alice', 'p:w ü'],
      ['prometheus', 'p:w u'],
      ['prometheus', ''],
      ['Prometheus', 'p:w ü'],
      ['', ''],
    ] as const)
      for (let time = 0; time < 2; time += 1) assert.equal(await statusOf(port, basic(user, password)), 401);
    assert.equal(await statusOf(port, { headers: { Authorization: 'Basic !!!' } }), 401);
  });

  test('of a file is exchanged while the server runs, and a remembered password with it', async (t) => {
    const file = join(scratchDir(t, 'users'), 'users');
    writeFileSync(file, `prometheus:${await hashPassword('old')}\n`);
    chmodSync(file, 0o600);
    const { port } = await listening(t, { settings: { metricsBasicAuthFile: file } });
    assert.equal(await statusOf(port, basic('prometheus', 'old')), 200);
    assert.equal(await statusOf(port, basic('prometheus', 'new')), 401);
    writeFileSync(file, `prometheus:${await hashPassword('new')}\n`);
    await eventually(async () => assert.equal(await statusOf(port, basic('prometheus', 'new')), 200));
    assert.equal(await statusOf(port, basic('prometheus', 'old')), 401);
  });

  test('is asked for by many who guess at once, and a scraper that is known does not notice', async (t) => {
    const { port } = await listening(t, {
      settings: { metricsBasicAuth: [`prometheus:${await hashPassword('right')}`] },
    });
    assert.equal(await statusOf(port, basic('prometheus', 'right')), 200);
    const guesses = Array.from({ length: 60 }, (_, guess) => statusOf(port, basic('prometheus', `${guess}`)));
    for (let scrape = 0; scrape < 5; scrape += 1)
      assert.equal(await statusOf(port, basic('prometheus', 'right')), 200);
    const answers = await Promise.all(guesses);
    assert.deepEqual(
      [...new Set(answers)].toSorted((a, b) => a - b),
      [401, 429],
    );
  });
});

describe('on a server of the application', () => {
  test('the same is asked for', async (t) => {
    const { access } = await listening(t, { settings: { metricsToken: [TOKEN] } });
    const server = createServer((request, response) => {
      void access.admit(request, response, 'application').then((admitted) => {
        if (admitted) response.end('metrics');
      });
    }).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.equal(await statusOf(port, {}), 401);
    assert.equal(await statusOf(port, bearer('wrong')), 401);
    assert.equal((await ask(port, bearer(TOKEN))).body.toString(), 'metrics');
  });
});
