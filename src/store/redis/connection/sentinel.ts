import type { Redis } from 'ioredis';

import { orchestratorError, reason } from '../../../errors.js';
import { deadline } from '../../../event-loop/deadline.js';
import { createClient, type RedisNode, type RedisTarget } from './client.js';

/**
 * Asks the sentinels, one after the other, where the master is. Each gets a share of the time, so that one that hangs does
 * not hide those that answer.
 *
 * @param first index of the sentinel to begin with
 */
export async function findMaster(target: RedisTarget, timeoutMs: number, first: number): Promise<RedisNode> {
  const { nodes, sentinelPassword, tls } = target;
  const shareMs = Math.ceil(timeoutMs / (nodes.length + 1));
  let failure: unknown;
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[(first + index) % nodes.length];
    if (node === undefined) break;
    const client = createClient(
      {
        mode: 'standalone',
        nodes: [node],
        ...(sentinelPassword !== undefined && { password: sentinelPassword }),
        ...(tls !== undefined && { tls }),
      },
      node,
      shareMs,
    );
    // The rejection gives the reason; a refused login is an event first, and the question is refused then.
    client.on('error', () => undefined);
    try {
      return await deadline(ask(client, target.name ?? 'mymaster'), shareMs, () =>
        orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'noSentinel', { ...node, ms: shareMs }),
      );
    } catch (error) {
      failure = error;
    } finally {
      client.disconnect();
    }
  }
  throw new Error(reason(failure));
}

async function ask(client: Redis, name: string): Promise<RedisNode> {
  await client.connect();
  const answer = await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name);
  if (!Array.isArray(answer)) {
    throw new Error(
      `the sentinels know no master ${JSON.stringify(name)}. Check ORCHESTRATOR_REDIS_SENTINEL_NAME`,
    );
  }
  return { host: String(answer[0]), port: Number(answer[1]) };
}
