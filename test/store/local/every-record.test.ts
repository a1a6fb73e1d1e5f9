import assert from 'node:assert/strict';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';

import { createLocalStore } from '../../../src/store/local/local-store.js';
import { SCHEMA_VERSION } from '../../../src/store/metric-store.js';
import { add, added, assertValues, Bed, counter, series, valuesOf } from '../../contract/bed.js';
import { Warnings } from '../../helpers/warnings.js';
import { assertExposed, everyKind } from '../every-kind.js';
import { mutations } from '../junk.js';

const lasting = counter('lasting');
const sent = { deltas: [added(lasting, add(series(), 1))] };

interface Place {
  readonly bed: Bed;
  readonly folder: string;
  readonly told: Warnings;
}

async function withPlace(work: (place: Place) => Promise<void>, logBytes = 1e9): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'every-record-'));
  const told = new Warnings();
  const bed = new Bed({
    open: (context) => createLocalStore({ ...context, warn: told.warn }, { directory, logBytes }),
    lose: () => rm(directory, { recursive: true }),
    close: () => rm(directory, { recursive: true, force: true }),
  });
  try {
    await work({ bed, folder: path.join(directory, 'shop'), told });
  } finally {
    await bed.close();
  }
}

async function linesOf(folder: string, extension: string): Promise<{ file: string; lines: string[] }> {
  const name = (await readdir(folder)).find((one) => one.endsWith(extension)) ?? '';
  const file = path.join(folder, name);
  return { file, lines: (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '') };
}

/** One record of each kind, as another process writes them. */
async function records(): Promise<Record<string, string>> {
  let batch = '';
  await withPlace(async ({ bed, folder }) => {
    await (await bed.instance()).send(everyKind('their ', ['keep']));
    batch = (await linesOf(folder, '.log')).lines[0] ?? '';
  });
  const common = { v: SCHEMA_VERSION, project: 'shop', lease: '0', number: 1 };
  const atMs = Date.now();
  return {
    batch,
    hold: JSON.stringify({ ...common, kind: 'hold', atMs, name: 'host:x', ms: 1000 }),
    leave: JSON.stringify({ ...common, kind: 'leave' }),
    sweep: JSON.stringify({ ...common, kind: 'sweep', atMs, ttlMs: 3_600_000 }),
    wipe: JSON.stringify({ ...common, kind: 'wipe', atMs: 1 }),
    seal: JSON.stringify({ ...common, kind: 'seal', next: '0-never' }),
  };
}

/** What these may do if they are read is to delete. */
const DELETING = new Set(['sweep', 'wipe']);

async function byPath(record: string): Promise<Map<string, string[]>> {
  const groups = new Map<string, string[]>();
  for (const { path: at, json } of mutations(record)) {
    // A number is a number.
    if (at.startsWith('deltas') && /[[,](?:-1|1\.5|1e\+300)[\],]/.test(json)) continue;
    const others = groups.get(at) ?? [];
    groups.set(at, [...others, json.replace('"lease":"0', `"lease":"${others.length}`)]);
  }
  return groups;
}

describe('a record of the log with junk in it costs itself:', async () => {
  for (const [kind, record] of Object.entries(await records())) {
    test(kind, async () => {
      for (const [at, lines] of await byPath(record))
        await withPlace(async ({ bed, folder, told }) => {
          const about = `${kind} with junk as ${at}`;
          const [old] = [await bed.instance()];
          await old.send({ ...everyKind(), deltas: [...(everyKind().deltas ?? []), ...sent.deltas] });
          const before = valuesOf(await old.store.snapshot());
          const { file } = await linesOf(folder, '.log');
          await appendFile(file, lines.map((line) => `\n${line}\n`).join(''));
          const young = await bed.instance();
          const [seen, alike] = [await old.store.snapshot(), await young.store.snapshot()];
          assert.deepEqual(valuesOf(seen), valuesOf(alike), about);
          await assertExposed(seen);
          if (!DELETING.has(kind)) assert.deepEqual({ ...valuesOf(seen), ...before }, valuesOf(seen), about);
          assert.ok(
            told.codes.every((code) => code === 'ORCHESTRATOR_RECORD_UNREADABLE'),
            `${about}: ${told.messages.join()}`,
          );
          assert.ok(told.codes.length <= 2, `${about}: each process says it once`);
          const count = old.store.unreadable ?? 0;
          assert.equal(count > 0, told.codes.length > 0, about);
          assert.ok(count <= lines.length, about);

          await old.store.sweep();
          assert.equal(await old.store.acquireLock('any', 1000), true, about);
          await old.store.wipe();
          await old.send(sent);
          await young.send(sent);
          await assertValues(young, { lasting: { '': [2] } });
        });
    });
  }
});

test('lines that are no records are left out, said once for each file, and counted one by one', () =>
  withPlace(async ({ bed, folder, told }) => {
    const one = await bed.instance();
    await one.send(sent);
    const { file } = await linesOf(folder, '.log');
    const lines = [
      '\0\0\0',
      'garbage',
      '17',
      'null',
      '[]',
      '{}',
      '"v"',
      `{"v":${SCHEMA_VERSION}}`,
      '{"v":0}',
    ];
    await appendFile(file, `\n{"v":${SCHEMA_VERSION},"project":"shop","kind":"bat\n${lines.join('\n')}\n`);
    await one.send(sent);
    await assertValues(await bed.instance(), { lasting: { '': [2] } });
    assert.equal(one.store.unreadable, lines.length, 'what a killed process left unfinished is no such line');
    assert.deepEqual(told.codes, ['ORCHESTRATOR_RECORD_UNREADABLE', 'ORCHESTRATOR_RECORD_UNREADABLE']);
    assert.match(told.messages[0] ?? '', /A line of .*\.log cannot be read \(it is no JSON\)/);
  }));

test('a seal that leads back is no seal', () =>
  withPlace(async ({ bed, folder }) => {
    const one = await bed.instance();
    await one.send(sent);
    const { file } = await linesOf(folder, '.log');
    const seal = { v: SCHEMA_VERSION, project: 'shop', lease: 'x', number: 1, kind: 'seal', next: '1-first' };
    await appendFile(file, `\n${JSON.stringify(seal)}\n`);
    await one.send(sent);
    await assertValues(one, { lasting: { '': [2] } });
  }));

/** A checkpoint of everything, and the log that follows it. */
async function checkpoint(): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  await withPlace(async ({ bed, folder }) => {
    const one = await bed.instance();
    for (let batch = 0; batch < 10; batch += 1) await one.send(everyKind());
    await one.store.acquireLock('any', 1000);
    await one.store.sweep();
    ({ lines } = await linesOf(folder, '.state'));
  }, 1);
  return lines;
}

test('a checkpoint with junk in a line begins anew, and is never an error', async () => {
  const lines = await checkpoint();
  assert.ok(lines.length > 15, lines.join('\n'));
  for (const [number, line] of lines.entries()) {
    // Gauges of one mode stand for those of the others.
    if (/gauge\.(?:max|instance)/.test(line) && !line.includes('instance","lease')) continue;
    // One kind of junk in each place; all kinds in the record of a log that has the same shapes.
    const junk = [null, 'x', {}, []][number % 4];
    for (const { path: at, json } of mutations(line, [junk])) {
      if (!/^[^.]*(?:\.0(?:\.\d)?)?$|family/.test(at)) continue;
      await withPlace(async ({ bed, folder }) => {
        const about = `line ${number} with junk as ${at}: ${json.slice(0, 200)}`;
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(path.join(folder, '2-a.log'), '', { mode: 0o600 });
        const text = [...lines.with(number, json), ''].join('\n');
        await writeFile(path.join(folder, '2-a.state'), text, { mode: 0o600 });
        const young = await bed.instance();
        try {
          await assertExposed(await young.store.snapshot());
          await young.send(sent);
          await young.store.wipe();
        } catch (error) {
          // Another name is another project.
          assert.equal(
            (error as { code?: string }).code,
            'ORCHESTRATOR_PREFIX_TAKEN',
            `${about}: ${String(error)}`,
          );
          assert.equal(at, 'project');
        }
      });
    }
  }
});
