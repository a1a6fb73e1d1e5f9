import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { test } from 'node:test';

import { createClient } from '../../../../src/store/redis/connection/client.js';
import { startRedis } from '../../../helpers/redis.js';

test('ioredis publishes none of its commands, whoever listens, and those of other clients', async (t) => {
  const server = await startRedis(t, { password: 'secret' });
  const seen: string[] = [];
  const listener = (message: unknown): void =>
    void seen.push((message as { command: string }).command.toLowerCase());
  subscribe('tracing:ioredis:command:start', listener);
  t.after(() => unsubscribe('tracing:ioredis:command:start', listener));
  const node = { host: '127.0.0.1', port: server.port };
  const own = createClient({ mode: 'standalone', nodes: [node], password: 'secret', db: 1 }, node, 5000);
  t.after(() => own.disconnect());
  await own.connect();
  assert.equal(await own.set('a', '1'), 'OK');
  assert.deepEqual(await own.pipeline().get('a').incr('a').exec(), [
    [null, '1'],
    [null, 2],
  ]);
  assert.equal(await own.eval('return 1', 0), 1);
  assert.equal(seen.join(' '), '');
  const theirs = server.client();
  await theirs.get('a');
  assert.ok(seen.includes('get'));
});
