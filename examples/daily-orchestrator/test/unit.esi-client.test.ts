import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { isAway } from '../src/database/database.js';
import type { EsiAnswer } from '../src/database/esi-answers.js';
import { EsiClient, Refused, type EsiOptions } from '../src/esi/esi-client.js';
import { EsiStandIn, type Behaviour } from '../src/stand-in/esi-stand-in.js';

const PATH = '/alliances/99000001/';
const never = new AbortController().signal;

interface Seen {
  readonly client: EsiClient;
  readonly esi: EsiStandIn;
  readonly statuses: Array<number | 'error'>;
  retries: number;
  waitedMs: number;
}

async function setUp(
  t: TestContext,
  behaviour: Partial<Behaviour> = {},
  options: Partial<EsiOptions> = {},
): Promise<Seen> {
  const esi = new EsiStandIn({ alliances: 200, corporations: 400 }, behaviour);
  const baseUrl = await esi.listen();
  const statuses: Array<number | 'error'> = [];
  const client = new EsiClient(
    {
      baseUrl,
      userAgent: 'test',
      timeoutMs: 20_000,
      attempts: 4,
      backoffMs: 5,
      errorReserve: 20,
      concurrency: 10,
      ...options,
    },
    {
      requested: (_endpoint, status) => void statuses.push(status),
      retried: () => (seen.retries += 1),
      waited: (ms) => (seen.waitedMs += ms),
    },
  );
  const seen: Seen = { client, esi, statuses, retries: 0, waitedMs: 0 };
  t.after(async () => {
    await client.close();
    await esi.close();
  });
  return seen;
}

describe('the ESI client', () => {
  test('gives up an ESI that is not there, and does not pass for a database that is away', async (t) => {
    const { client, esi, statuses } = await setUp(t, {}, { attempts: 2 });
    await esi.close();
    await assert.rejects(client.get(PATH, 'e', undefined, never), (error: Error) => {
      assert.equal(error.name, 'Unreachable');
      assert.match(error.message, /^ESI gave no answer for \/alliances\/99000001\/: .*ECONNREFUSED/);
      assert.equal(isAway(error), false);
      return true;
    });
    assert.deepEqual(statuses, ['error', 'error']);
  });

  test('does not ask again before an answer expires', async (t) => {
    const { client, statuses } = await setUp(t);
    const first = await client.get(PATH, 'e', undefined, never);
    const second = await client.get(PATH, 'e', first.answer, never);
    assert.deepEqual(second.body, first.body);
    assert.deepEqual(statuses, [200]);
  });

  test('sends the ETag of an expired answer, and keeps its body when nothing has changed', async (t) => {
    const { client, esi, statuses } = await setUp(t, { validMs: -1000 });
    const first = await client.get(PATH, 'e', undefined, never);
    esi.behaviour.validMs = 3_600_000;
    const second = await client.get(PATH, 'e', first.answer, never);
    assert.deepEqual(statuses, [200, 304]);
    assert.deepEqual(second.body, first.body);
    assert.ok((second.answer?.expiresAt.getTime() ?? 0) > Date.now());
  });

  test('takes the new body when something has changed', async (t) => {
    const { client, statuses } = await setUp(t);
    const old: EsiAnswer = { path: PATH, etag: '"old"', expiresAt: new Date(0), body: { name: 'old' } };
    const { body } = await client.get(PATH, 'e', old, never);
    assert.equal((body as { name: string }).name, 'Alliance 99000001');
    assert.deepEqual(statuses, [200]);
  });

  test('tries again after an error of the server', async (t) => {
    const seen = await setUp(t);
    seen.esi.behaviour.statuses.set(PATH, 503);
    const got = seen.client.get(PATH, 'e', undefined, never);
    while (seen.statuses.length < 2) await new Promise((resolve) => setImmediate(resolve));
    seen.esi.behaviour.statuses.clear();
    await got;
    assert.equal(seen.statuses.at(-1), 200);
    assert.equal(seen.retries, seen.statuses.length - 1);
  });

  test('gives up after its attempts', async (t) => {
    const { client, esi, statuses } = await setUp(t);
    esi.behaviour.statuses.set(PATH, 502);
    await assert.rejects(
      client.get(PATH, 'e', undefined, never),
      /ESI answered 502 for \/alliances\/99000001\//,
    );
    assert.deepEqual(statuses, [502, 502, 502, 502]);
  });

  test('does not repeat what will not succeed', async (t) => {
    const { client, statuses } = await setUp(t);
    await assert.rejects(client.get('/alliances/5/', 'e', undefined, never), Refused);
    assert.deepEqual(statuses, [404]);
  });

  test('a connection that is refused, and a server that is silent, are errors', async (t) => {
    const { client, esi, statuses } = await setUp(t, { delayMs: 60_000 }, { timeoutMs: 50, attempts: 2 });
    await assert.rejects(client.get(PATH, 'e', undefined, never));
    await esi.close();
    await assert.rejects(client.get(PATH, 'e', undefined, never));
    assert.deepEqual(statuses, ['error', 'error', 'error', 'error']);
  });

  test('pauses at the reserve, so that ESI never has to refuse', async (t) => {
    const seen = await setUp(t, { errorLimit: 40, windowMs: 1000 }, { errorReserve: 25, concurrency: 1 });
    for (let id = 1; id <= 20; id++) {
      await assert.rejects(seen.client.get(`/alliances/${id}/`, 'e', undefined, never), Refused);
    }
    assert.equal(seen.esi.tooSoon, 0);
    assert.equal(seen.esi.answered.get(420), undefined);
    // 15 errors reach the reserve; the others came in the next window.
    assert.ok(seen.waitedMs > 0);
  });

  test('waits as long as 420 and 429 ask, and does not count that as an attempt', async (t) => {
    for (const behaviour of [
      { rateLimit: 3, windowMs: 1000 },
      { errorLimit: 0, windowMs: 1000 },
    ]) {
      const seen = await setUp(t, behaviour, { attempts: 1, concurrency: 2 });
      const later = setTimeout(() => (seen.esi.behaviour.errorLimit = 100), 500);
      const paths = Array.from({ length: 8 }, (_, index) => `/alliances/${99_000_001 + index}/`);
      const all = await Promise.all(paths.map((path) => seen.client.get(path, 'e', undefined, never)));
      clearTimeout(later);
      assert.equal(all.length, 8);
      assert.ok(seen.waitedMs > 0);
    }
  });

  test('has no more requests under way than it may', async (t) => {
    const { client, esi } = await setUp(t, { delayMs: 5 }, { concurrency: 3 });
    await Promise.all(
      esi.universe.allianceIds
        .slice(0, 40)
        .map((id) => client.get(`/alliances/${id}/`, 'e', undefined, never)),
    );
    assert.ok(esi.mostUnderWay <= 3, `${esi.mostUnderWay} at once`);
    assert.ok(esi.mostUnderWay > 1);
  });

  test('stops at once when it is told to', async (t) => {
    const { client } = await setUp(t, { delayMs: 60_000 });
    const stop = new AbortController();
    const got = client.get(PATH, 'e', undefined, stop.signal);
    stop.abort(new Error('stopped'));
    await assert.rejects(got, /stopped/);
  });
});
