import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import type { Redis } from 'ioredis';

import { redisKeys } from '../../../../src/store/redis/scripts/keys.js';
import { add, added, counter, series, valuesOf } from '../../../contract/bed.js';
import { startRedis, type RedisServer } from '../../../helpers/redis.js';
import { assertExposed, everyKind } from '../../every-kind.js';
import { mutations } from '../../junk.js';
import { RedisProject } from '../project.js';

const keys = redisKeys('shop');
const lasting = counter('lasting');
const sent = { deltas: [added(lasting, add(series(), 1))] };
const LATE = `{"sha":"0","lease":"dead","families":["x~1"],"argv":["2",1]}`;

interface Damage {
  readonly what: string;
  readonly do: (client: Redis) => Promise<unknown>;
}

/** What a key of another type may be. */
const OTHER_TYPES: Readonly<Record<string, (client: Redis, key: string) => Promise<unknown>>> = {
  string: (client, key) => client.set(key, 'x'),
  list: (client, key) => client.rpush(key, 'x', 'y'),
  set: (client, key) => client.sadd(key, 'x'),
  hash: (client, key) => client.hset(key, 'x', 'y', 'a/b', 'c'),
  zset: (client, key) => client.zadd(key, 1e300, 'x', '-inf', 'y', 'inf', ''),
};

const doubles = (...numbers: readonly number[]): Buffer => Buffer.from(Float64Array.from(numbers).buffer);

/** Bytes in the place of packed numbers of the same, or of another, length. */
function* packedJunk(packed: Buffer): Generator<Buffer> {
  yield Buffer.from('');
  yield Buffer.from('x');
  yield packed.subarray(0, 8);
  yield packed.subarray(0, 16);
  yield packed.subarray(0, -1);
  yield Buffer.concat([packed, doubles(1)]);
  yield Buffer.concat([packed, doubles(...Array.from({ length: 2000 }, () => 1))]);
  const junk = [Number.NaN, Infinity, 1e300, 0.5];
  for (let at = 0; at < packed.length; at += 8)
    yield Buffer.concat([
      packed.subarray(0, at),
      doubles(junk[(at / 8) % junk.length] ?? 0),
      packed.subarray(at + 8),
    ]);
}

function* junkFor(value: Buffer): Generator<string | Buffer> {
  const text = value.toString();
  if (/^[[{]/.test(text)) {
    const all = [...mutations(text, [text.length % 2 === 0 ? null : 'x'])];
    for (const { path, json } of all) if (!/\..*\.|\d{2}|[1-9]\.[1-9]/.test(path)) yield json;
    yield 'garbage';
    yield 'null';
  } else if (value.length % 8 === 0 && value.length > 0) yield* packedJunk(value);
  else for (const junk of ['', 'garbage', '-1', '1e300', 'nan', 'inf', '0.5']) yield junk;
}

/** Every key in another type, and every entry of every hash and set with junk in its place. */
async function damages(client: Redis): Promise<Damage[]> {
  const all: Damage[] = [];
  for (const key of (await client.keys('*')).toSorted()) {
    const type = await client.type(key);
    for (const [other, put] of Object.entries(OTHER_TYPES)) {
      if (other !== type)
        all.push({ what: `${key} as a ${other}`, do: (to) => to.del(key).then(() => put(to, key)) });
    }
    all.push({ what: `${key} with one more`, do: (to) => (OTHER_TYPES[type] ?? noop)(to, key) });
    all.push({ what: `${key} gone`, do: (to) => to.del(key) });
    // Gauges of one mode stand for those of the others, and one counter for all.
    if (type !== 'hash' || OTHERS.test(key)) continue;
    for (const [field, value] of Object.entries(await client.hgetallBuffer(key))) {
      if (OTHERS.test(field)) continue;
      for (const junk of junkFor(value))
        all.push({
          what: `${key} ${field}: ${JSON.stringify(String(junk).slice(0, 80))}`,
          do: (to) => to.hset(key, field, junk),
        });
      all.push({ what: `${key} without ${field}`, do: (to) => to.hdel(key, field) });
    }
  }
  return all;
}

const OTHERS = /gauge\.(?:max|instance)|lasting/;

const noop = (): Promise<void> => Promise.resolve();

/** A project with something in each of its keys. */
async function fill(project: RedisProject, client: Redis): Promise<ReturnType<RedisProject['instance']>> {
  await client.flushall();
  const writer = project.instance({ lease: 'writer' });
  await writer.send({ ...everyKind(), deltas: [...(everyKind().deltas ?? []), ...sent.deltas] });
  await writer.store.acquireLock('janitor', 1);
  await client.set(keys.lock('janitor'), 'gone', 'PX', 1);
  await client.set(keys.lock('host:x'), 'another');
  await client.set(keys.wiped, '1', 'PX', 60_000);
  await client.hset(keys.late, 'dead/1', LATE);
  return writer;
}

describe('whatever is in the keys of a project', () => {
  const server = startRedis({ after });

  test(
    'reading, writing and sweeping go on, and a wipe gives a clean project',
    { timeout: 300_000 },
    async () => {
      const redis: RedisServer = await server;
      const client = redis.client();
      await fill(new RedisProject({ after }, redis.port), client);
      await client.set(keys.lock('janitor'), 'gone');
      const list = await damages(client);
      assert.ok(list.length > 200, `${list.length} kinds of damage`);
      for (const { what, do: damage } of list) {
        const project = new RedisProject({ after }, redis.port);
        const writer = await fill(project, client);
        await damage(client);
        await survives(project, writer, client, what);
      }
    },
  );
});

async function survives(
  project: RedisProject,
  writer: ReturnType<RedisProject['instance']>,
  client: Redis,
  what: string,
): Promise<void> {
  const reader = project.instance({ lease: 'reader' });
  try {
    await reader.store.snapshot();
    await assertExposed(await reader.store.snapshot());
    const found = reader.store.unreadable ?? 0;
    assert.equal(found, project.told.codes.length, 'counted and said once');
    assert.ok(found <= (what.endsWith('one more') ? 3 : 1), project.told.messages.join('\n'));
    await writer.send(sent);
    await reader.store.sweep();
    const shown = valuesOf(await reader.store.snapshot());
    if (!/lasting|families|project|sequence/.test(what)) assert.deepEqual(shown['lasting'], { '': [2] });
    await reader.store.wipe();
    await writer.send(sent);
    await reader.send(sent);
    assert.deepEqual(valuesOf(await reader.store.snapshot())['lasting'], { '': [2] });
    const left = Object.keys(valuesOf(await project.instance({ lease: 'last' }).store.snapshot()));
    assert.deepEqual(left, ['lasting']);
  } catch (error) {
    // Another name is another project, and another version is one.
    const { code } = error as { code?: string };
    if (code === 'ORCHESTRATOR_PREFIX_TAKEN' && /:project (?:name|without)/.test(what)) return;
    if (error instanceof Error) error.message = `${what}: ${error.message}`;
    throw error;
  } finally {
    await Promise.all([writer.store.close(), reader.store.close()]);
    await client.ping();
  }
}
