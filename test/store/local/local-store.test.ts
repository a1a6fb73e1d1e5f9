import assert from 'node:assert/strict';
import {
  appendFile,
  chmod,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { createLocalStore } from '../../../src/store/local/local-store.js';
import { SCHEMA_VERSION } from '../../../src/store/metric-store.js';
import { storeContract } from '../../contract/store-contract.js';
import { Warnings } from '../../helpers/warnings.js';
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
  valuesOf,
} from '../../contract/bed.js';

const newDirectory = (): Promise<string> => mkdtemp(path.join(tmpdir(), 'local-store-'));

// The second one ends its logs all the time, so that every promise is kept across checkpoints too.
for (const [name, logBytes] of [
  ['local', undefined],
  ['local, with logs of a few batches', 1],
] as const) {
  storeContract(name, async () => {
    const directory = await newDirectory();
    return {
      open: (context) => createLocalStore(context, { directory, logBytes }),
      lose: () => rm(directory, { recursive: true }),
      close: () => rm(directory, { recursive: true, force: true }),
    };
  });
}

const requests = counter('requests');

const ENOUGH = 100;
/** About 13 KB each; ENOUGH of them end a log. */
const fill = async (instance: Instance, batches: number, generation = ''): Promise<void> => {
  for (let batch = 0; batch < batches; batch += 1) {
    const points = Array.from({ length: 500 }, (_, index) =>
      add(series({ generation, n: `${'x'.repeat(40)}${index}` }), 1),
    );
    await instance.send({
      deltas: [added(requests, ...points)],
      current: [
        reported(gauge('g', 'instance'), now(series(), batch)),
        reported(gauge('k', 'keep'), now(series(), batch)),
      ],
    });
  }
};

describe('the files of the local store', () => {
  let bed: Bed;
  let folder: string;
  let warnings: string[];
  let told: Warnings;
  beforeEach(async () => {
    const directory = await newDirectory();
    folder = path.join(directory, 'shop');
    told = new Warnings();
    warnings = told.messages;
    bed = new Bed({
      open: (context) => createLocalStore({ ...context, warn: told.warn }, { directory }),
      lose: () => rm(directory, { recursive: true }),
      close: () => rm(directory, { recursive: true, force: true }),
    });
  });
  afterEach(async () => {
    await bed.close();
    assert.deepEqual(warnings, []);
  });

  const only = async (extension: string): Promise<string> => {
    const names = (await readdir(folder)).filter((name) => name.endsWith(extension));
    assert.equal(names.length, 1, `${extension}: ${names.join()}`);
    return path.join(folder, names[0] ?? '');
  };
  const size = async (): Promise<number> => {
    const sizes = await Promise.all((await readdir(folder)).map((name) => stat(path.join(folder, name))));
    return sizes.reduce((sum, one) => sum + one.size, 0);
  };
  test('stay small, and every process agrees whether it saw all changes or began from a checkpoint', async () => {
    const options = { maxSeries: 1000 };
    const [a, b] = [await bed.instance(options), await bed.instance(options)];
    await fill(b, 1);
    for (let round = 0; round < 6; round += 1) {
      await fill(a, ENOUGH);
      if (round === 3) await b.store.endLease();
      assert.ok((await size()) < 2.5 * 1024 * 1024);
    }
    const fresh = await bed.instance(options);
    const expected = valuesOf(await a.store.snapshot());
    assert.deepEqual(expected['requests']?.[`generation=,n=${'x'.repeat(40)}7`], [1 + 6 * ENOUGH]);
    // b read nothing for several generations.
    assert.deepEqual(valuesOf(await b.store.snapshot()), expected);
    assert.deepEqual(valuesOf(await fresh.store.snapshot()), expected);
    await fill(b, 1);
    await fill(fresh, 1);
    assert.deepEqual(valuesOf(await a.store.snapshot()), valuesOf(await fresh.store.snapshot()));
    assert.ok((await only('.state')).length > 0);
  });

  test('give back the space of removed series', async () => {
    const options = { ttlMs: 1, leaseMs: 1, maxSeries: 100_000 };
    const a = await bed.instance(options);
    for (let generation = 0; generation < 10; generation += 1) {
      await fill(a, 12, String(generation));
      await bed.moment();
      await a.store.sweep();
    }
    await fill(a, ENOUGH, 'last');
    assert.ok((await size()) < 2 * 1024 * 1024);
    assert.ok(!(await readFile(await only('.state'), 'utf8')).includes('"generation","3"'));
  });

  test('a line that a killed process left unfinished costs only that line', async () => {
    const [a, b] = [await bed.instance(), await bed.instance()];
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    await appendFile(await only('.log'), `\n{"v":${SCHEMA_VERSION},"project":"shop","kind":"bat`);
    await assertValues(b, { requests: { '': [1] } });
    await b.send({ deltas: [added(requests, add(series(), 2))] });
    await appendFile(await only('.log'), '\0\0\0\xff garbage {} [] \n\n17\n');
    await a.send({ deltas: [added(requests, add(series(), 4))] });
    for (const one of [a, b, await bed.instance()]) await assertValues(one, { requests: { '': [7] } });
    // What no process of ours began is said, by each process.
    assert.equal(warnings.splice(0).length, 3);
  });

  test('a sealed log whose writer died before the checkpoint leads on to the next', async () => {
    const [a, b] = [await bed.instance(), await bed.instance()];
    await a.send({
      deltas: [added(requests, add(series(), 1))],
      current: [reported(gauge('g', 'sum'), now(series(), 5))],
    });
    const log = await only('.log');
    await writeFile(path.join(folder, '2-next.log'), '', { mode: 0o600 });
    const seal = {
      v: SCHEMA_VERSION,
      project: 'shop',
      lease: 'dead',
      number: 1,
      kind: 'seal',
      next: '2-next',
    };
    await appendFile(log, `\n${JSON.stringify(seal)}\n`);
    await b.send({ deltas: [added(requests, add(series(), 2))] });
    await a.send({
      deltas: [added(requests, add(series(), 4))],
      current: [reported(gauge('g', 'sum'), now(series(), 5))],
    });
    for (const one of [a, b, await bed.instance()])
      await assertValues(one, { requests: { '': [7] }, g: { '': [5] } });
    assert.ok((await stat(path.join(folder, '2-next.log'))).size > 0);
    // The next checkpoint covers both.
    await fill(a, ENOUGH);
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith('1-') || name.startsWith('2-')));
  });

  for (const [damage, apply] of [
    ['cut short', (file: string) => truncate(file, 100)],
    ['empty', (file: string) => truncate(file, 0)],
    ['without its end', async (file: string) => truncate(file, (await stat(file)).size - 8)],
    ['of something else', (file: string) => writeFile(file, 'GIF89a\n')],
  ] as const) {
    test(`a checkpoint that is ${damage} is set aside with one warning, and all processes begin anew together`, async () => {
      const a = await bed.instance({ maxSeries: 1000 });
      await fill(a, ENOUGH);
      await apply(await only('.state'));
      const fresh = await bed.instance();
      await fresh.send({ deltas: [added(requests, add(series(), 1))] });
      await a.send({ deltas: [added(requests, add(series(), 2))] });
      for (const one of [a, fresh]) await assertValues(one, { requests: { '': [3] } });
      assert.equal(warnings.length, 1);
      assert.match(warnings.pop() ?? '', /was damaged .* moved to .*damaged, and a new one begins/);
      assert.deepEqual(told.codes, ['ORCHESTRATOR_LOCAL_STORE_DAMAGED']);
      assert.deepEqual((await readdir(folder)).toSorted(), ['1-first.log', 'damaged']);
    });
  }

  test('files that a group may write to are closed to it, and read', async () => {
    await (await bed.instance()).send({ deltas: [added(requests, add(series(), 1))] });
    const log = await only('.log');
    await chmod(log, 0o660);
    await chmod(folder, 0o2770);
    await assertValues(await bed.instance(), { requests: { '': [1] } });
    assert.equal((await stat(log)).mode & 0o777, 0o600);
    assert.equal((await stat(folder)).mode & 0o7777, 0o700);
  });

  test('a lost checkpoint is noticed by the next process, and all begin anew together, with one warning', async () => {
    const a = await bed.instance({ maxSeries: 1000 });
    await fill(a, ENOUGH);
    await rm(await only('.state'));
    const fresh = await bed.instance();
    await fresh.send({ deltas: [added(requests, add(series(), 1))] });
    await a.send({ deltas: [added(requests, add(series(), 2))] });
    for (const one of [a, fresh]) await assertValues(one, { requests: { '': [3] } });
    assert.equal(warnings.length, 1);
    assert.match(warnings.pop() ?? '', /was damaged \(the checkpoint of .* is gone\)/);
  });

  test('a lost checkpoint is replaced by a process that still knows everything', async () => {
    const a = await bed.instance({ maxSeries: 1000 });
    await fill(a, ENOUGH);
    const lost = await only('.state');
    await a.store.snapshot();
    await rm(lost);
    await a.store.sweep();
    assert.notEqual(await only('.state'), lost);
    const values = valuesOf(await (await bed.instance()).store.snapshot());
    assert.deepEqual(values, valuesOf(await a.store.snapshot()));
  });

  test('a log that ends with a seal and has lost its successor is set aside', async () => {
    const a = await bed.instance();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    const seal = {
      v: SCHEMA_VERSION,
      project: 'shop',
      lease: 'dead',
      number: 1,
      kind: 'seal',
      next: '2-gone',
    };
    await appendFile(await only('.log'), `\n${JSON.stringify(seal)}\n`);
    const b = await bed.instance();
    await b.send({ deltas: [added(requests, add(series(), 2))] });
    for (const one of [a, b]) await assertValues(one, { requests: { '': [2] } });
    assert.equal(warnings.length, 1);
    assert.match(warnings.pop() ?? '', /was damaged \(2-gone, the log after it, is gone\)/);
  });

  test('instances that ended leave nothing to read at the next start', async () => {
    const state = path.join(folder, '2-old.state');
    const lines = (instances: number): string =>
      [
        { kind: 'state', v: SCHEMA_VERSION, project: 'shop' },
        ...Array.from({ length: instances }, (_, id) => ({
          kind: 'instance',
          lease: `dead-${id}`,
          sequence: 1,
          parts: 1,
          complete: true,
          overflowed: 0,
          updatedMs: Date.now(),
          leaseEndMs: id % 2,
          values: [],
        })),
        { kind: 'end' },
      ]
        .map((line) => `${JSON.stringify(line)}\n`)
        .join('');
    await (await bed.instance()).store.close();
    await writeFile(state, lines(10_000), { mode: 0o600 });
    await writeFile(path.join(folder, '2-old.log'), '', { mode: 0o600 });
    const a = await bed.instance();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    await a.store.sweep();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    assert.ok((await stat(await only('.state'))).size < 2000);
    for (let job = 0; job < 20; job += 1) {
      const one = await bed.instance();
      await one.send({ deltas: [added(requests, add(series(), 1))] });
      await one.store.endLease();
      await one.store.close();
    }
    await a.store.snapshot();
    await rm(await only('.state'));
    await a.store.sweep();
    const text = await readFile(await only('.state'), 'utf8');
    assert.equal(text.match(/"kind":"instance"/g)?.length, 1);
    await assertValues(a, { requests: { '': [22] } });
  });

  test('a log that was cut or deleted under its writers does not stop them', async () => {
    const a = await bed.instance({ maxSeries: 1000 });
    await fill(a, ENOUGH);
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    await truncate(await only('.log'), 0);
    await a.send({ deltas: [added(requests, add(series(), 2))] });
    const values = valuesOf(await (await bed.instance()).store.snapshot());
    assert.deepEqual(values['requests']?.[''], [2]);
    await rm(await only('.log'));
    await a.send({ deltas: [added(requests, add(series(), 4))] });
    await assertValues(await bed.instance(), { requests: { '': [4] } });
    assert.match(warnings.pop() ?? '', /was damaged .*has lost its log/);
  });

  test('a record that names what was never described is left out, and its writer describes it again', async () => {
    const [a, b] = [await bed.instance(), await bed.instance()];
    await a.send({ deltas: [added(requests, add(series({ a: '1' }), 1))] });
    await a.send({ deltas: [added(requests, add(series({ a: '1' }), 1))] });
    const lines = (await readFile(await only('.log'), 'utf8')).split('\n').filter((line) => line !== '');
    await writeFile(await only('.log'), `${lines[1]}\n`);
    await assertValues(b, {});
    assert.equal(warnings.length, 1);
    told = new Warnings();
    warnings = told.messages;
    await a.send({ deltas: [added(requests, add(series({ a: '1' }), 1))] });
    await assertValues(b, { requests: { 'a=1': [1] } });
  });

  test('data of another schema version are refused and left alone', async () => {
    const a = await bed.instance();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    const log = await only('.log');
    const other = (await readFile(log, 'utf8')).replaceAll(
      `"v":${SCHEMA_VERSION}`,
      `"v":${SCHEMA_VERSION + 1}`,
    );
    await writeFile(log, other);
    const b = await bed.instance();
    for (let time = 0; time < 2; time += 1) {
      await assert.rejects(b.send({ deltas: [added(requests, add(series(), 1))] }), {
        code: 'ORCHESTRATOR_SCHEMA_MISMATCH',
        message: new RegExp(`version ${SCHEMA_VERSION + 1}`),
      });
      await assert.rejects(b.store.snapshot(), { code: 'ORCHESTRATOR_SCHEMA_MISMATCH' });
    }
    assert.equal(await readFile(log, 'utf8'), other);
  });

  test('a store that cannot write rejects with the reason, and heals', async () => {
    const a = await bed.instance();
    await a.send({ deltas: [added(requests, add(series(), 1))] });
    await rm(folder, { recursive: true });
    await writeFile(folder, 'in the way');
    const batch = { deltas: [added(requests, add(series(), 2))] };
    await assert.rejects(a.send(batch), { name: 'OrchestratorError', message: /cannot use .*shop/ });
    await rm(folder);
    await a.sendAgain();
    await assertValues(a, { requests: { '': [2] } });
  });

  test('calls that wait when the store is closed reject; the one under way is finished', async () => {
    const a = await bed.instance();
    const calls = [1, 2, 3].map((value) => a.send({ deltas: [added(requests, add(series(), value))] }));
    const [first, ...others] = calls.map((call) =>
      call.then(() => 'done').catch((error: { code: string }) => error.code),
    );
    await new Promise(setImmediate);
    await a.store.close();
    assert.equal(await first, 'done');
    for (const other of others) assert.equal(await other, 'ORCHESTRATOR_STORE_CLOSED');
  });
});
