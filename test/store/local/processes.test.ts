import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as fc from 'fast-check';

import { createLocalStore } from '../../../src/store/local/local-store.js';
import type { MetricStore } from '../../../src/store/metric-store.js';
import type { Snapshot } from '../../../src/model/snapshot.js';

const WRITER = path.join(__dirname, '../../fixtures/store/writer.js');
const WRITERS = 8;
const SERIES = 300;
/** A log ends after about 6 batches, so that many processes are killed while they end one. */
const LOG_BYTES = 100_000;

interface Writer {
  readonly child: ChildProcess;
  readonly ledger: string;
}

/** What the store says: the counter, and what all histogram series have to agree with. */
function totalOf(snapshot: Snapshot): number {
  const values = (name: string) => snapshot.families.find((one) => one.family.name === name)?.series ?? [];
  const total = values('requests')[0]?.values[0] ?? 0;
  // A batch of one part is applied as a whole or not at all, even if its writer is killed in the middle.
  for (const point of values('duration')) assert.equal(point.values[16], total);
  return total;
}

/** The last numbers that a writer noted before and after an `apply`. */
function readLedger({ ledger }: Writer): { recorded: number; applied: number } {
  let text: string;
  try {
    text = readFileSync(ledger, 'utf8');
  } catch {
    text = '';
  }
  const last = (word: string): number =>
    Number([...text.matchAll(new RegExp(`${word} (\\d+)\n`, 'g'))].at(-1)?.[1] ?? 0);
  return { recorded: last('recorded'), applied: last('applied') };
}

const sum = (writers: readonly Writer[], of: 'recorded' | 'applied'): number =>
  writers.reduce((total, writer) => total + readLedger(writer)[of], 0);

/** A folder, its writers, and a reader in this process. */
class Host {
  readonly directory: string;
  readonly reader: MetricStore;
  readonly writers: Writer[] = [];

  constructor(directory: string) {
    this.directory = directory;
    this.reader = createLocalStore(
      {
        prefix: 'shop',
        project: 'shop',
        lease: 'reader',
        leaseMs: 600_000,
        ttlMs: 3_600_000,
        maxSeries: 5000,
        warn: (message) => assert.fail(message),
      },
      { directory },
    );
  }

  spawn(rounds: number, pauseMs = 0): Writer {
    const ledger = path.join(this.directory, `ledger-${this.writers.length}`);
    const args = [
      WRITER,
      this.directory,
      ledger,
      String(rounds),
      String(SERIES),
      String(pauseMs),
      String(LOG_BYTES),
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    const writer = { child, ledger };
    this.writers.push(writer);
    return writer;
  }

  async stop(): Promise<void> {
    await Promise.all(this.writers.map(kill));
    await this.reader.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

async function kill({ child }: Writer): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

const newHost = async (): Promise<Host> => new Host(await mkdtemp(path.join(tmpdir(), 'local-processes-')));

describe('the local store between processes', () => {
  let host: Host;
  beforeEach(async () => {
    host = await newHost();
  });
  afterEach(async () => {
    await host.stop();
  });

  test('eight processes that just end lose nothing, and nothing keeps them alive', async () => {
    const rounds = 40;
    const writers = Array.from({ length: WRITERS }, () => host.spawn(rounds));
    for (const { child } of writers) {
      if (child.exitCode === null) await once(child, 'exit');
      assert.equal(child.exitCode, 0);
    }
    const snapshot = await host.reader.snapshot();
    assert.equal(totalOf(snapshot), WRITERS * rounds);
    assert.equal(snapshot.instances, WRITERS);
    const busy = snapshot.families.find((one) => one.family.name === 'busy');
    assert.deepEqual(busy?.series[0]?.values, [WRITERS]);
  });

  test('a process that is stopped blocks no other', { timeout: 60_000 }, async () => {
    const stopped = host.spawn(1_000_000);
    while (readLedger(stopped).applied < 20) await sleep(20);
    stopped.child.kill('SIGSTOP');
    let seen = -1;
    while (seen !== readLedger(stopped).recorded) {
      seen = readLedger(stopped).recorded;
      await sleep(100);
    }
    const before = totalOf(await host.reader.snapshot());
    const other = host.spawn(40);
    await once(other.child, 'exit');
    const after = totalOf(await host.reader.snapshot());
    assert.equal(after - before, 40);
    stopped.child.kill('SIGCONT');
    const applied = readLedger(stopped).applied;
    while (readLedger(stopped).applied < applied + 20) await sleep(20);
    await kill(stopped);
    const { recorded } = readLedger(stopped);
    const total = totalOf(await host.reader.snapshot());
    assert.ok(total >= recorded - 1 + 40 && total <= recorded + 40);
  });

  test('property: 200 kills at any moment never lower a total, never add, and cost at most a batch each', async () => {
    const kills = fc.array(fc.record({ victim: fc.nat(WRITERS - 1), afterMs: fc.nat(80) }), {
      minLength: 40,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(kills, async (plan) => {
        const own = await newHost();
        try {
          const alive = Array.from({ length: WRITERS }, () => own.spawn(1_000_000, 10));
          let total = 0;
          for (const { victim, afterMs } of plan) {
            await sleep(afterMs);
            const writer = alive[victim];
            assert.ok(writer);
            await kill(writer);
            alive[victim] = own.spawn(1_000_000, 10);
            const appliedBefore = sum(own.writers, 'applied');
            const now = totalOf(await own.reader.snapshot());
            assert.ok(now >= total, `${now} after ${total}`);
            assert.ok(now >= appliedBefore, `${now} of at least ${appliedBefore}`);
            assert.ok(now <= sum(own.writers, 'recorded'));
            total = now;
          }
          await Promise.all(alive.map(kill));
          const final = totalOf(await own.reader.snapshot());
          assert.ok(final >= sum(own.writers, 'applied') && final <= sum(own.writers, 'recorded'));
        } finally {
          await own.stop();
        }
      }),
      { numRuns: 5, endOnFailure: true },
    );
  });
});
