import { parseArgs } from 'node:util';

import { writeRegion } from '../../scripts/docs/region.js';
import { eventually } from '../helpers/eventually.js';
import { ownedBy } from '../helpers/owner.js';
import { scrape } from '../helpers/scrape.js';
import { type End, ENDS, play, setStage, type Stage } from './ends.js';
import { SHARED_STORES, type SharedStore } from './stores.js';

/**
 * `npm run test:ends -- --runs 20`: plays each end so often on each store, and as often without the preload, and writes the table of
 * docs/guarantees.md. Ends with 1 if anything is lost or doubled.
 */

/** Ends that are played at a time; mostly they wait. */
const AT_ONCE = 2;

interface Observed {
  readonly end: End;
  readonly store: SharedStore;
  readonly recorded: number;
  readonly lost: number;
  readonly doubled: number;
  /** Milliseconds that one process took to end with the preload, and without it. */
  readonly tookMs: readonly number[];
  readonly bareMs: readonly number[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { runs: { type: 'string' }, end: { type: 'string' } } });
  const runs = Number(values.runs ?? 20);
  if (!Number.isSafeInteger(runs) || runs < 1)
    throw new RangeError(`--runs ${values.runs}: a whole number of at least 1 is allowed`);
  const ends = ENDS.filter(({ name }) => name.includes(values.end ?? ''));
  const all: Observed[] = [];
  for (const store of SHARED_STORES) {
    await ownedBy(async (owner) => {
      const stage = await setStage(owner, store);
      const waiting = [...ends];
      const worker = async (): Promise<void> => {
        for (let end = waiting.shift(); end !== undefined; end = waiting.shift()) {
          const observed = await observe(stage, store, end, runs);
          all.push(observed);
          process.stdout.write(`${lineOf(observed)}\n`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    });
  }
  all.sort((a, b) => ends.indexOf(a.end) - ends.indexOf(b.end) || (a.store < b.store ? 1 : -1));
  const wrong = all.filter(({ lost, doubled }) => lost + doubled > 0);
  if (wrong.length > 0) throw new Error(`Lost or doubled:\n${wrong.map(lineOf).join('\n')}`);
  if (values.end !== undefined) return;
  const head = [
    `${runs} processes each, ${AT_ONCE} at a time, on Node ${process.version}; times are medians.`,
    '',
    '| End | Store | Recorded | Lost | Doubled | Ends after | without us |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  writeRegion('docs/guarantees.md', 'ends', [...head, ...all.map(lineOf)].join('\n'));
}

async function observe({ env, port }: Stage, store: SharedStore, end: End, runs: number): Promise<Observed> {
  const { name, counts = 3 } = end;
  const tookMs: number[] = [];
  const bareMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await ownedBy(async (owner) => {
      tookMs.push(await play(owner, end, env));
      bareMs.push(await play(owner, end, env, false));
    });
  }
  const recorded = counts * runs;
  let shown = 0;
  await eventually(async () => {
    shown = (await scrape(port)).sum('app_jobs_total', { end: name });
    if (shown < recorded) throw new Error('something is missing');
  }).catch(() => undefined);
  const [lost, doubled] = [Math.max(0, recorded - shown), Math.max(0, shown - recorded)];
  return { end, store, recorded, lost, doubled, tookMs, bareMs };
}

function lineOf({ end, store, recorded, lost, doubled, tookMs, bareMs }: Observed): string {
  const cells = [end.name, store, recorded, lost, doubled, `${median(tookMs)} ms`, `${median(bareMs)} ms`];
  return `| ${cells.join(' | ')} |`;
}

function median(values: readonly number[]): string {
  const ascending = values.toSorted((a, b) => a - b);
  return (ascending[Math.floor(ascending.length / 2)] ?? Number.NaN).toFixed(0);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
