import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RedisProcess {
  /** Of a unix socket. */
  readonly url: string;
  readonly end: () => Promise<void>;
}

/** A Redis of this benchmark's own. Needs `redis-server`. */
export async function startRedis(): Promise<RedisProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'bench-'));
  const socket = join(dir, 'r.sock');
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', dir], {
    stdio: 'ignore',
  });
  await Promise.race([
    answers(socket),
    once(redis, 'exit').then(() => Promise.reject(new Error('no Redis'))),
  ]);
  return {
    url: `unix://${socket}`,
    end: async () => {
      redis.kill();
      await once(redis, 'exit');
      await rm(dir, { recursive: true });
    },
  };
}

async function answers(socket: string): Promise<void> {
  for (;;) {
    const connection = createConnection(socket);
    try {
      await once(connection, 'connect');
      return;
    } catch {
      await sleep(50);
    } finally {
      connection.destroy();
    }
  }
}
