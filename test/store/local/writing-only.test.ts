import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { createLocalStore } from '../../../src/store/local/local-store.js';
import { SCHEMA_VERSION } from '../../../src/store/metric-store.js';
import {
  add,
  added,
  assertValues,
  Bed,
  counter,
  gauge,
  type Instance,
  now,
  reported,
  series,
  SHORT_MS,
} from '../../contract/bed.js';
import { Warnings } from '../../helpers/warnings.js';

const requests = counter('requests');
const other = counter('other');
const open = gauge('open', 'max');
const user = (id: number) => series({ user: String(id) });
const OVERFLOW = 'otel.metric.overflow=true';

const one = { deltas: [added(requests, add(user(1), 1))] };

/** Nobody asks most processes of a project for the sum. They write on without a copy of it, and all the same: */
describe('an instance that only writes', () => {
  let directory: string;
  let bed: Bed;
  let warnings: Warnings;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'writing-only-'));
    warnings = new Warnings();
    bed = openBed();
  });
  afterEach(() => bed.close());

  const openBed = (logBytes?: number): Bed =>
    new Bed({
      open: (context) =>
        createLocalStore(
          { ...context, warn: (...warning) => warnings.warn(...warning) },
          { directory, logBytes },
        ),
      lose: () => rm(directory, { recursive: true }),
      close: () => rm(directory, { recursive: true, force: true }),
    });

  /** One that writes, with a few batches behind it, and one that is asked. */
  const pair = async (options = {}): Promise<[writer: Instance, reader: Instance]> => {
    const [writer, reader] = [await bed.instance(options), await bed.instance(options)];
    for (let batch = 0; batch < 3; batch += 1) await writer.send(one);
    await reader.send(one);
    await assertValues(reader, { requests: { 'user=1': [4] } });
    return [writer, reader];
  };

  test('adds exactly, while others write the same and other series and describe families anew', async () => {
    const [writer, reader] = await pair();
    for (let round = 0; round < 20; round += 1) {
      await Promise.all([
        writer.send({
          deltas: [
            added(requests, add(user(1), 1), add(user(round), 10)),
            added(other, add(user(round % 3), 1)),
          ],
        }),
        reader.send({ deltas: [added({ ...requests, help: `${round}` }, add(user(round), 100))] }),
      ]);
    }
    const users = Array.from({ length: 20 }, (_, id) => [`user=${id}`, [110 + (id === 1 ? 24 : 0)]]);
    const expected = {
      requests: Object.fromEntries(users),
      other: { 'user=0': [7], 'user=1': [7], 'user=2': [6] },
    };
    await assertValues(reader, expected);
    await assertValues(writer, expected);
    assert.deepEqual(warnings.messages, []);
  });

  test('follows from log to log', async () => {
    bed = openBed(1);
    const [writer, reader] = await pair();
    for (let round = 0; round < 60; round += 1) {
      await writer.send({ deltas: [added(requests, add(user(round % 7), 1))] });
      await reader.send(one);
    }
    assert.ok((await readdir(path.join(directory, 'shop'))).every((file) => !file.startsWith('1-')));
    await assertValues(reader, {
      requests: {
        'user=0': [9],
        'user=1': [4 + 60 + 9],
        'user=2': [9],
        'user=3': [9],
        'user=4': [8],
        'user=5': [8],
        'user=6': [8],
      },
    });
  });

  test('ends a log that nobody else ends, and does not lose what it has said in it', async () => {
    bed = openBed(1);
    const writer = await bed.instance();
    for (let round = 0; round < 200; round += 1) await writer.send(one);
    assert.ok((await readdir(path.join(directory, 'shop'))).every((file) => !file.startsWith('1-')));
    await assertValues(writer, { requests: { 'user=1': [200] } });
  });

  test('knows what the cap moved, of what it sends itself and beside the series of others', async () => {
    const [writer, reader] = await pair({ maxSeries: 4 });
    assert.equal((await writer.send({ deltas: [added(requests, add(user(2), 1))] })).overflowed, 0);
    await reader.send({ deltas: [added(requests, add(user(3), 1), add(user(4), 1))] });
    const sent = [add(user(1), 1), add(user(5), 1), add(user(6), 1)];
    assert.equal((await writer.send({ deltas: [added(requests, ...sent)] })).overflowed, 2);
    assert.equal((await writer.send(one)).overflowed, 0);
    await assertValues(reader, {
      requests: { 'user=1': [6], 'user=2': [1], 'user=3': [1], 'user=4': [1], [OVERFLOW]: [2] },
    });
  });

  test('describes again what was wiped, deleted or swept by another', async () => {
    const [writer, reader] = await pair({ ttlMs: SHORT_MS * 4, leaseMs: 600_000 });
    const sent = {
      deltas: [added(requests, add(user(1), 1)), added(other, add(user(1), 1))],
      current: [reported(open, now(user(1), 1))],
    };
    const expected = { requests: { 'user=1': [1] }, other: { 'user=1': [1] }, open: { 'user=1': [1] } };
    await reader.store.wipe();
    await writer.send(sent);
    await assertValues(reader, expected);

    await reader.store.forget?.([requests.key, other.key]);
    await writer.send(sent);
    await assertValues(reader, expected);

    await bed.after(SHORT_MS * 4, () => assertValues(reader, { open: { 'user=1': [1] } }));
    await reader.store.sweep();
    await writer.send(sent);
    await assertValues(reader, expected);
    assert.deepEqual(warnings.messages, []);
  });

  test('sweeps what expired of others, though it has no copy of it', async () => {
    const [writer, reader] = await pair({ leaseMs: SHORT_MS, ttlMs: 600_000 });
    await reader.send({ current: [reported(open, now(user(1), 1))] });
    await bed.after(SHORT_MS, async () => {
      await writer.send(one);
      assert.equal((await bed.instance().then(({ store }) => store.snapshot())).instances, 1);
    });
    await writer.store.sweep();
    const log = (await readdir(path.join(directory, 'shop'))).find((file) => file.endsWith('.log')) ?? '';
    assert.match(await readFile(path.join(directory, 'shop', log), 'utf8'), /"kind":"sweep"/);
  });

  test('gets and respects locks', async () => {
    const [writer, reader] = await pair();
    assert.equal(await reader.store.acquireLock('host', 600_000), true);
    assert.equal(await writer.store.acquireLock('host', 600_000), false);
    await reader.store.endLease();
    assert.equal(await writer.store.acquireLock('host', 600_000), true);
    assert.equal(await reader.store.acquireLock('host', 600_000), false);
    await writer.store.endLease();
    assert.equal(await reader.store.acquireLock('host', 600_000), true);
  });

  test('is an instance again after its lease ended', async () => {
    const [writer, reader] = await pair();
    await writer.store.endLease();
    assert.equal((await reader.store.snapshot()).instances, 1);
    await writer.send(one);
    const { instances, resource } = await reader.store.snapshot();
    assert.equal(instances, 2);
    assert.deepEqual(resource, [['service.name', 'shop']]);
    await assertValues(reader, { requests: { 'user=1': [5] } });
  });

  test('passes over lines that nobody can read, and unfinished ones', async () => {
    const [writer, reader] = await pair();
    const log = path.join(directory, 'shop', '1-first.log');
    for (const line of [
      'nonsense\n',
      '{"v":1,"project":"sh',
      `\n{"v":${SCHEMA_VERSION},"kind":"future"}\n`,
      '\0\0\0\n',
    ]) {
      await appendFile(log, line);
      await writer.send(one);
    }
    await assertValues(reader, { requests: { 'user=1': [8] } });
  });

  test('begins anew with files that were deleted or cut', async () => {
    const [writer, reader] = await pair();
    await rm(path.join(directory, 'shop'), { recursive: true });
    await writer.send(one);
    await assertValues(reader, { requests: { 'user=1': [1] } });
    await writer.send(one);
    await truncate(path.join(directory, 'shop', '1-first.log'), 0);
    await writer.send(one);
    await assertValues(reader, { requests: { 'user=1': [1] } });
  });

  test('sends a batch again that it had sent, and it counts once', async () => {
    const [writer, reader] = await pair();
    await writer.send(one);
    await writer.sendAgain();
    await assertValues(reader, { requests: { 'user=1': [5] } });
  });
});
