import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';

import { collectBody } from '../../../src/prometheus/exposition.js';
import { SharedBody } from '../../../src/server/scrape/shared-body.js';
import { eventually } from '../../helpers/eventually.js';

const PIECES = ['a', 'b', 'c'];

/** A source that tells how far it was read, and whether it was ended early. */
class Source {
  made = 0;
  ended = false;
  readonly gate = new EventEmitter();
  readonly #waits: boolean;

  constructor(waits = false) {
    this.#waits = waits;
  }

  async *pieces(): AsyncGenerator<Buffer> {
    try {
      for (const piece of PIECES) {
        if (this.#waits && this.made > 0) await once(this.gate, 'open');
        this.made += 1;
        yield Buffer.from(piece);
      }
    } finally {
      this.ended = true;
    }
  }
}

const text = async (body: AsyncIterable<Buffer>): Promise<string> => (await collectBody(body)).toString();

test('many readers, early and late, have the whole of what is made once', async () => {
  const source = new Source(true);
  const shared = new SharedBody(source.pieces());
  const early = [text(shared), text(shared)];
  await eventually(() => assert.equal(source.made, 1));
  const late = text(shared);
  const opening = setInterval(() => source.gate.emit('open'), 5);
  assert.deepEqual(await Promise.all([...early, late]), ['abc', 'abc', 'abc']);
  clearInterval(opening);
  assert.equal(await text(shared), 'abc', 'when it is complete');
  assert.equal(source.made, PIECES.length);
});

test('a reader who stands still holds up nobody', async () => {
  const shared = new SharedBody(new Source().pieces());
  const slow = shared[Symbol.asyncIterator]();
  assert.equal(String((await slow.next()).value), 'a');
  assert.equal(await text(shared), 'abc');
  assert.equal(String((await slow.next()).value), 'b');
});

test('what fails fails for all, after what was made', async () => {
  const shared = new SharedBody(
    (async function* () {
      yield Buffer.from('a');
      await new Promise(setImmediate);
      throw new Error('broken');
    })(),
  );
  const reader = shared[Symbol.asyncIterator]();
  assert.equal(String((await reader.next()).value), 'a');
  await assert.rejects(reader.next(), /broken/);
  await assert.rejects(text(shared), /broken/);
});

test('when everybody has left, the making ends, and nobody may join any more', async () => {
  const source = new Source(true);
  const shared = new SharedBody(source.pieces());
  for await (const _ of shared) break;
  assert.equal(shared.isWhole, true, 'nothing is lost so far');
  source.gate.emit('open');
  await eventually(() => assert.equal(source.ended, true));
  assert.equal(source.made, 2);
  assert.equal(shared.isWhole, false);
  await assert.rejects(text(shared), /All readers had left/);
});

test('nothing is made before somebody reads', async () => {
  const source = new Source();
  assert.equal(new SharedBody(source.pieces()).isWhole, true);
  await new Promise(setImmediate);
  assert.equal(source.made, 0);
});
