/**
 * What the local store costs the application's event loop: this process flushes 300 histogram series of 16 buckets once a
 * second while 8 other processes do the same to the same store. Phases with and without flushes of this process take turns
 * under the same load, so that what the machine does shows in both; the difference is ours.
 *
 *     npm run build && node dist/benchmarks/local-store.js [rounds]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { familyKey, makeSeries } from '../src/reader/series-key.js';
import { createLocalStore } from '../src/store/local-store.js';
import type { DeltaBatch, Family, MetricStore } from '../src/store/metric-store.js';

const WRITERS = 8;
const SERIES = 300;
const FLUSHES_PER_PHASE = 10;
const INTERVAL_MS = 1000;
const ROUNDS = Number(process.argv[2] ?? 3);
const WRITER = path.join(__dirname, '../test/fixtures/store/writer.js');

const boundaries = Array.from({ length: 15 }, (_, index) => 0.001 * 2 ** index);
const described = { name: 'duration', type: 'histogram', unit: 's', boundaries } as const;
const family: Family = { ...described, help: '', key: familyKey(described) };
const points = Array.from({ length: SERIES }, (_, index) => ({
  series: makeSeries({ name: 'writer' }, [['route', `/items/${index}`]]),
  values: [0.5 + index, ...boundaries.map((_bound, bucket) => (index + bucket) % 7), 1],
}));

interface Phase {
  readonly maxMs: number[];
  readonly p99Ms: number[];
  /** Event loop time for each interval, whatever it was spent on. */
  readonly activeMs: number[];
}

const newPhase = (): Phase => ({ maxMs: [], p99Ms: [], activeMs: [] });
const print = (line: string): boolean => process.stdout.write(`${line}\n`);

async function main(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), 'bench-local-'));
  const writers = Array.from({ length: WRITERS }, (_, index) =>
    spawn(
      process.execPath,
      [
        WRITER,
        directory,
        path.join(directory, `ledger-${index}`),
        '1000000',
        String(SERIES),
        String(INTERVAL_MS),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    ),
  );
  const store = open(directory);
  try {
    await sleep(3000);
    await measure(store);
  } finally {
    await Promise.all(writers.map(stop));
    await store.close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measure(store: MetricStore): Promise<void> {
  let sequence = 0;
  const applyMs: number[] = [];
  const flush = async (): Promise<void> => {
    sequence += 1;
    const start = performance.now();
    await store.apply(batchOf(sequence));
    applyMs.push(performance.now() - start);
  };
  await flush();
  const [without, withFlushes, scraped] = [newPhase(), newPhase(), newPhase()];
  const snapshotMs: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await run(without, async () => undefined);
    await run(withFlushes, flush);
    await run(scraped, async () => {
      await flush();
      const start = performance.now();
      await store.snapshot();
      snapshotMs.push(performance.now() - start);
    });
  }
  const { length } = (await store.snapshot()).families.flatMap((one) => one.series);
  print(
    `Node ${process.version}, ${WRITERS} other processes, ${SERIES} histograms of 16 buckets a second each, ${length} series\n`,
  );
  print('| this process | longest stall ms (median, worst phase) | p99 ms | event loop time a second ms |');
  print('|---|---|---|---|');
  printPhase('does nothing', without);
  printPhase('flushes', withFlushes);
  printPhase('flushes and is scraped', scraped);
  print(
    `\nflush, from call to answer: ${median(applyMs).toFixed(1)} ms; snapshot: ${median(snapshotMs).toFixed(1)} ms`,
  );
}

async function run(phase: Phase, work: () => Promise<void>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = performance.eventLoopUtilization();
  for (let flushes = 0; flushes < FLUSHES_PER_PHASE; flushes += 1) {
    await work();
    await sleep(INTERVAL_MS);
  }
  const { active } = performance.eventLoopUtilization(before);
  delay.disable();
  // The histogram counts the timer's own period of 1 ms.
  phase.maxMs.push(delay.max / 1e6 - 1);
  phase.p99Ms.push(delay.percentile(99) / 1e6 - 1);
  phase.activeMs.push(active / FLUSHES_PER_PHASE);
}

function batchOf(sequence: number): DeltaBatch {
  return {
    sequence,
    resource: [],
    collectedAt: performance.now(),
    deltas: [{ family, points }],
    current: [],
  };
}

function open(directory: string): MetricStore {
  return createLocalStore(
    {
      prefix: 'shop',
      project: 'shop',
      lease: 'measured',
      leaseMs: 600_000,
      ttlMs: 3_600_000,
      maxSeries: 5000,
      warn: print,
    },
    { directory },
  );
}

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function printPhase(name: string, { maxMs, p99Ms, activeMs }: Phase): void {
  const stall = `${median(maxMs).toFixed(1)}, ${Math.max(...maxMs).toFixed(1)}`;
  print(`| ${name} | ${stall} | ${median(p99Ms).toFixed(2)} | ${median(activeMs).toFixed(2)} |`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

void main();
