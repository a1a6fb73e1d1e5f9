import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import type { MetricStore } from '../../../src/store/metric-store.js';
import { createLocalStore } from '../../../src/store/local/local-store.js';
import { counter, series } from '../../contract/bed.js';
import { scratchDir } from '../../helpers/scratch.js';
import { Warnings } from '../../helpers/warnings.js';

/** A store in use, its folder, and a place of an attacker's choice with a file in it. */
async function inUse(t: TestContext): Promise<{
  store: MetricStore;
  folder: string;
  log: string;
  elsewhere: string;
  target: string;
  told: Warnings;
  add: () => Promise<unknown>;
}> {
  const directory = scratchDir(t, 'planted');
  const elsewhere = scratchDir(t, 'elsewhere');
  const told = new Warnings();
  const store = createLocalStore(
    {
      prefix: 'shop',
      project: 'Shop',
      lease: 'lease',
      leaseMs: 60_000,
      ttlMs: 60_000,
      maxSeries: 100,
      warn: told.warn,
    },
    { directory },
  );
  t.after(() => store.close());
  let sequence = 0;
  const add = (): Promise<unknown> => {
    sequence += 1;
    const deltas = [{ family: counter('c'), points: [{ series: series(), values: [1] }] }];
    return store.apply({ sequence, resource: [], collectedAt: performance.now(), deltas, current: [] });
  };
  await add();
  const folder = join(directory, 'shop');
  const [log = ''] = readdirSync(folder);
  const target = join(elsewhere, 'target');
  writeFileSync(target, 'not yours\n', { mode: 0o640 });
  utimesSync(target, 1000, 1000);
  return { store, folder, log: join(folder, log), elsewhere, target, told, add };
}

/** What the attacker hoped to have changed. */
function assertUntouched(elsewhere: string, target: string): void {
  assert.deepEqual(readdirSync(elsewhere), ['target']);
  assert.equal(readFileSync(target, 'utf8'), 'not yours\n');
  const { mode, mtimeMs } = statSync(target);
  assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 1_000_000]);
}

describe('while the store is in use', () => {
  test('a log that is replaced by a link is not written through, and the store goes on', async (t) => {
    const { store, log, elsewhere, target, told, add } = await inUse(t);
    rmSync(log);
    symlinkSync(target, log);
    await add();
    await store.sweep();
    assertUntouched(elsewhere, target);
    assert.deepEqual(told.codes, ['ORCHESTRATOR_LOCAL_STORE_DAMAGED']);
    assert.match(told.messages[0] ?? '', /is a link/);
    assert.equal((await store.snapshot()).families[0]?.series[0]?.values[0], 1);
    assert.ok(lstatSync(log).isFile());
  });

  test('a link to the very log is not followed either', async (t) => {
    const { log, elsewhere, add } = await inUse(t);
    renameSync(log, join(elsewhere, 'moved'));
    const before = readFileSync(join(elsewhere, 'moved'), 'utf8');
    symlinkSync(join(elsewhere, 'moved'), log);
    await add();
    assert.equal(readFileSync(join(elsewhere, 'moved'), 'utf8').slice(0, before.length), before);
    assert.ok(lstatSync(log).isFile());
  });

  test('a pipe in place of the log does not stop the process', async (t) => {
    const { store, log, told, add } = await inUse(t);
    rmSync(log);
    execFileSync('mkfifo', [log]);
    await add();
    assert.deepEqual(told.codes, ['ORCHESTRATOR_LOCAL_STORE_DAMAGED']);
    assert.equal((await store.snapshot()).families[0]?.series[0]?.values[0], 1);
  });

  test('a folder that is replaced by a link is refused, and nothing is made behind it', async (t) => {
    const { store, folder, elsewhere, target, add } = await inUse(t);
    rmSync(folder, { recursive: true });
    symlinkSync(elsewhere, folder);
    const refused = { code: 'ORCHESTRATOR_STORE_REFUSED', message: /it is a link/ };
    await assert.rejects(add, refused);
    await assert.rejects(() => store.snapshot(), refused);
    await assert.rejects(() => store.sweep(), refused);
    assertUntouched(elsewhere, target);
    // Once it is gone, the store is there again.
    rmSync(folder);
    await add();
  });

  test('a folder that all may write to by now is refused', async (t) => {
    const { folder, add } = await inUse(t);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    await assert.rejects(add, { code: 'ORCHESTRATOR_STORE_REFUSED', message: /all users may write to it/ });
    assert.deepEqual(readdirSync(folder), []);
  });

  // Only root can give a file away.
  const skip = process.getuid?.() === 0 ? false : 'only root can give a file away';
  test('a file or a folder of another user is not used', { skip }, async (t) => {
    const { folder, log, told, add } = await inUse(t);
    rmSync(log);
    writeFileSync(log, '{"kind":"forged"}\n');
    chownSync(log, 1234, 1234);
    await add();
    assert.match(told.messages[0] ?? '', /belongs to user 1234/);
    rmSync(folder, { recursive: true });
    mkdirSync(folder, { mode: 0o700 });
    chownSync(folder, 1234, 1234);
    await assert.rejects(add, { code: 'ORCHESTRATOR_STORE_REFUSED', message: /it belongs to user 1234/ });
  });

  test('a link in place of the folder for damaged files is removed, not entered', async (t) => {
    const { folder, log, elsewhere, target, add } = await inUse(t);
    symlinkSync(elsewhere, join(folder, 'damaged'));
    rmSync(log);
    symlinkSync(target, log);
    await add();
    assertUntouched(elsewhere, target);
    assert.ok(lstatSync(join(folder, 'damaged')).isDirectory());
  });
});
