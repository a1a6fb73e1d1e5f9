import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';

import type { Owner } from '../../helpers/owner.js';
import { ask, open, read } from '../../helpers/raw-request.js';
import { listening, snapshotOf } from '../open-server.js';

/** More than the server has at a time. */
const MANY = 300;

async function crowd(owner: Owner, port: number, say: string): Promise<Socket[]> {
  const sockets = Array.from({ length: MANY }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(say));
    socket.on('error', () => undefined);
    owner.after(() => void socket.destroy());
    return socket;
  });
  for (const socket of sockets) if (socket.connecting) await once(socket, 'connect');
  return sockets;
}

describe('more connections than the metrics server has', () => {
  for (const [what, words] of [
    ['say nothing', ''],
    ['never end their headers', 'GET /metrics HTTP/1.1\r\nHost: x\r\n'],
    ['stay open after their answer', 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ] as const) {
    test(`keep no scraper out when they ${what}`, async (t) => {
      const { port } = await listening(t);
      await crowd(t, port, words);
      for (let scrape = 0; scrape < 3; scrape += 1) assert.equal((await ask(port)).status, 200);
    });
  }

  test('do not end an answer that is under way', async (t) => {
    let answer = (): void => undefined;
    const ready = new Promise<void>((resolve) => (answer = resolve));
    const { port } = await listening(t, { read: () => ready.then(() => snapshotOf(1)) });
    const scrape = open(port);
    await ask(port, { path: '/healthz' });
    await crowd(t, port, '');
    await ask(port, { path: '/healthz' });
    answer();
    assert.match((await read(await scrape)).toString(), /^c_total 1$/m);
  });
});
