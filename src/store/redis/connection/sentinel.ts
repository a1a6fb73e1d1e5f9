import { OrchestratorError, orchestratorError, reason } from '../../../errors.js';
import { deadline } from '../../../event-loop/deadline.js';
import { createClient, openClient, type RedisNode, type RedisTarget } from './client.js';
import { isLoginFailure } from './failure.js';

/**
 * Asks the sentinels, one after the other, where the master is. Each gets a share of the time, so that one that hangs does
 * not hide those that answer.
 *
 * @param first index of the sentinel to begin with
 */
export async function findMaster(target: RedisTarget, timeoutMs: number, first: number): Promise<RedisNode> {
  const { nodes } = target;
  const shareMs = Math.ceil(timeoutMs / (nodes.length + 1));
  const failures: unknown[] = [];
  for (let index = 0; index < nodes.length; index += 1) {
    const node = nodes[(first + index) % nodes.length];
    if (node === undefined) break;
    try {
      return await askSentinel(target, node, shareMs);
    } catch (error) {
      failures.push(error);
    }
  }
  // A refused login says more than that another sentinel is away.
  const failure = failures.find((error) => error instanceof OrchestratorError) ?? failures.at(-1);
  throw failure instanceof Error ? failure : new Error(reason(failure));
}

async function askSentinel(target: RedisTarget, node: RedisNode, shareMs: number): Promise<RedisNode> {
  const { sentinel = {}, name = 'mymaster' } = target;
  const client = createClient({ mode: 'standalone', nodes: [node], ...sentinel }, node, shareMs);
  try {
    const asking = openClient(client).then(() => client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name));
    const answer = await deadline(
      asking,
      shareMs,
      () => new Error(`the sentinel ${node.host}:${node.port} gave no answer within ${shareMs} ms`),
    );
    if (Array.isArray(answer)) return { host: String(answer[0]), port: Number(answer[1]) };
  } catch (error) {
    if (!isLoginFailure(error)) throw error;
    const values = { ...node, error: reason(error).replace(/\.+$/, '') };
    throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'sentinelLogin', values);
  } finally {
    client.disconnect();
  }
  throw new Error(
    `the sentinels know no master ${JSON.stringify(name)}. Check ORCHESTRATOR_REDIS_SENTINEL_NAME`,
  );
}
