import { after } from 'node:test';

import { createRedisStore } from '../../../src/store/redis/redis-store.js';
import { startRedis } from '../../helpers/redis.js';
import { storeContract } from '../../contract/store-contract.js';

/** One server for all tests. They are separated as projects are: by prefix. */
const server = startRedis({ after });
let projects = 0;

storeContract('redis', async () => {
  const redis = await server;
  projects += 1;
  const mine = `t${projects}-`;
  return {
    open: (context) =>
      createRedisStore(
        { ...context, prefix: mine + context.prefix },
        { mode: 'standalone', nodes: [{ host: '127.0.0.1', port: redis.port }] },
        10_000,
      ),
    lose: async () => {
      await redis.client().flushall();
    },
    close: async () => undefined,
  };
});
