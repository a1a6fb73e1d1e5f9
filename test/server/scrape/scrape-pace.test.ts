import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ScrapePace } from '../../../src/server/scrape/scrape-pace.js';
import { stayAlive } from '../../helpers/stay-alive.js';

const PIECE = Buffer.alloc(1_000_000);

async function* body(pieces: number): AsyncGenerator<Buffer> {
  for (let made = 0; made < pieces; made += 1) yield PIECE;
}

async function render(pace: ScrapePace, pieces: number): Promise<number> {
  let bytes = 0;
  for await (const piece of pace.count(body(pieces))) bytes += piece.length;
  return bytes;
}

/** True when it resolves before anything that waits for time. */
async function isAtOnce(rest: Promise<void>): Promise<boolean> {
  const passed = Symbol('passed');
  const first = await Promise.race([rest.then(() => passed), new Promise(setImmediate)]);
  return first === passed;
}

test('the first scrape begins at once, and its pieces pass unchanged', async () => {
  const pace = new ScrapePace();
  assert.equal(await isAtOnce(pace.rest()), true);
  assert.equal(await render(pace, 3), 3 * PIECE.length);
});

test('after a large scrape the next read waits, but not long', async (t) => {
  stayAlive(t);
  const pace = new ScrapePace();
  // A gigabyte earns a rest of a minute, of which a scrape waits for two seconds at most.
  await render(pace, 1000);
  const rest = pace.rest();
  assert.equal(await isAtOnce(rest), false);
  await rest;
});

test('a short timeout shortens the rest, and a longer one does not lengthen it again', async (t) => {
  stayAlive(t);
  const pace = new ScrapePace();
  pace.hurry(1);
  await render(pace, 1000);
  const order: string[] = [];
  const rest = pace.rest().then(() => order.push('rested'));
  pace.hurry(40);
  pace.hurry(10_000);
  // Begun later, for much less than the half second that is cut short here.
  await Promise.all([rest, sleep(200).then(() => order.push('200 ms'))]);
  assert.deepEqual(order, ['rested', '200 ms']);
});
