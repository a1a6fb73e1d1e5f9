import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ScrapePace } from '../../../src/server/scrape/scrape-pace.js';

const PIECE = Buffer.alloc(1_000_000);

async function* body(pieces: number): AsyncGenerator<Buffer> {
  for (let made = 0; made < pieces; made += 1) yield PIECE;
}

async function render(pace: ScrapePace, pieces: number): Promise<number> {
  let bytes = 0;
  for await (const piece of pace.count(body(pieces))) bytes += piece.length;
  return bytes;
}

/** True when it is its turn before anything that waits for time has its own. */
async function isAtOnce(turn: Promise<void>): Promise<boolean> {
  const passed = Symbol('passed');
  const first = await Promise.race([turn.then(() => passed), new Promise(setImmediate)]);
  return first === passed;
}

test('the first scrape has its turn at once, and what is rendered passes unchanged', async () => {
  const pace = new ScrapePace();
  assert.equal(await isAtOnce(pace.turn()), true);
  assert.equal(await render(pace, 3), 3 * PIECE.length);
});

/** The rest does not keep the process alive. */
function stayAlive(t: TestContext): void {
  const timer = setInterval(() => undefined, 1000);
  t.after(() => clearInterval(timer));
}

test('after much the next read waits, and still has its turn soon', async (t) => {
  stayAlive(t);
  const pace = new ScrapePace();
  // A gigabyte earns a rest of a minute, of which nobody waits for more than two seconds.
  await render(pace, 1000);
  const turn = pace.turn();
  assert.equal(await isAtOnce(turn), false);
  await turn;
});

test('who gives up soon shortens the rest, who is patient does not lengthen it again', async (t) => {
  stayAlive(t);
  const pace = new ScrapePace();
  pace.hurry(1);
  await render(pace, 1000);
  const order: string[] = [];
  const turn = pace.turn().then(() => order.push('turn'));
  pace.hurry(40);
  pace.hurry(10_000);
  // Begun later, for much less than the half second that is cut short here.
  await Promise.all([turn, sleep(200).then(() => order.push('200 ms'))]);
  assert.deepEqual(order, ['turn', '200 ms']);
});
