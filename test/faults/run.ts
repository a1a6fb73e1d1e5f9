import { parseArgs } from 'node:util';

import { SHARED_STORES, type SharedStore } from '../end-to-end/stores.js';
import { ownedBy } from '../helpers/owner.js';
import { check, type Checked } from './check.js';
import { writeTable } from './table.js';

/**
 * `npm run test:faults -- --minutes 30 --seed 1 --store redis`: the model-based suite for as long as it is wanted. Without a store
 * both, one after the other; without a seed a new one each time, which is printed. `--table`: plays each fault by itself and writes
 * the table of docs/operations.md; `--row 'Sentinel'`: only these, and writes nothing.
 */
async function main(): Promise<void> {
  const text = { type: 'string' } as const;
  const options = { minutes: text, seed: text, store: text, table: { type: 'boolean' }, row: text } as const;
  const { values } = parseArgs({ options });
  const { minutes = '2', seed = String(Date.now() % 1_000_000), store, row = '' } = values;
  if (values.table === true) return ownedBy((owner) => writeTable(owner, row, (line) => print(line)));
  const stores = SHARED_STORES.filter((one) => store === undefined || one === store);
  if (stores.length === 0)
    throw new RangeError(`--store ${store}: allowed are ${SHARED_STORES.join(' and ')}`);
  if (!(Number(minutes) >= 0)) throw new RangeError(`--minutes ${minutes}: a number of minutes is allowed`);
  if (!Number.isSafeInteger(Number(seed))) throw new RangeError(`--seed ${seed}: a whole number is allowed`);
  for (const one of stores) await run(one, Number(seed), Number(minutes) * 60_000);
}

async function run(store: SharedStore, seed: number, ms: number): Promise<void> {
  print(`${store}: seed ${seed}`);
  await ownedBy(async (owner) => {
    const checked = await check(owner, { store, seed, ms, say: (line) => print(line) });
    print(`${store}: no violation\n${describe(checked)}`);
  });
}

function describe({ schedules, operations, scrapes, faults, ends }: Checked): string {
  const list = (counts: ReadonlyMap<string, number>): string =>
    Array.from(counts, ([name, count]) => `${count} × ${name}`).join(', ');
  return [
    `${schedules} schedules, ${operations} operations, ${scrapes} scrapes`,
    `faults: ${list(faults)}`,
    `ends: ${list(ends)}`,
  ].join('\n');
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
