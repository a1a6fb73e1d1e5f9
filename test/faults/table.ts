import { writeRegion } from '../../scripts/docs/region.js';
import type { Owner } from '../helpers/owner.js';
import { type Observed, observe } from './observe.js';
import { type Row, ROWS } from './rows.js';

/** Rows that are played at a time; mostly they wait. */
const AT_ONCE = 4;

/** Plays every row, and writes the table of docs/operations.md if each was observed and no promise is broken. */
export async function writeTable(owner: Owner, only: string, say: (line: string) => void): Promise<void> {
  const rows = ROWS.filter(({ fault, store }) => `${store} ${fault}`.includes(only));
  const waiting = [...rows.entries()];
  const all: Array<Observed | undefined> = rows.map(() => undefined);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, row] = next;
      all[index] = await observe(row, owner).catch((error: unknown) => failed(row, error));
      say(lineOf(all[index]));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const observed = all.filter((one) => one !== undefined);
  const broken = observed.filter((one) => one.broken !== undefined);
  if (only === '' && broken.length === 0) writeRegion('docs/operations.md', 'faults', tableOf(observed));
  if (broken.length > 0) throw new Error(`Promises that were not kept:\n${broken.map(lineOf).join('\n')}`);
}

function failed(row: Row, error: unknown): Observed {
  const broken = String(error).slice(0, 2000);
  return { row, recorded: 0, lost: 0, doubled: 0, observed: broken, broken };
}

function lineOf({ row, observed, recorded, lost, doubled }: Observed): string {
  return `| ${row.fault} | ${row.store} | ${row.promise} | ${observed} | ${recorded} | ${lost} | ${doubled} |`;
}

function tableOf(observed: readonly Observed[]): string {
  const head = [
    '| Fault | Store | Promise | Observed | Recorded | Lost | Doubled |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  return [...head, ...observed.map(lineOf)].join('\n');
}
