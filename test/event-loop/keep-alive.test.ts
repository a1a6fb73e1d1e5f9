import assert from 'node:assert/strict';
import { after, test } from 'node:test';

import { startProgram } from '../helpers/app-process.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';

// A script has nothing else that keeps its process alive while it waits.
test('a script that ends with flush(), collectMetrics() and shutdown() gets to its last line', async (t) => {
  const redis = await startRedis({ after });
  const script = `
    import { collectMetrics, start } from '@org/orchestrator';
    const orchestrator = start({ prefix: 'job', prometheusPort: 0, logLevel: 'warn' });
    await orchestrator.flush();
    const { body } = await collectMetrics();
    await orchestrator.shutdown();
    console.log('lines', body.toString().split('\\n').length);
    process.exit(3);`;
  const app = startProgram(t, process.execPath, ['--input-type=module', '--eval', script], {
    cwd: PACKAGE_ROOT,
    env: { ORCHESTRATOR_REDIS_URL: redis.url },
  });
  const { code, stdout, stderr } = await app.ending;
  assert.equal(code, 3, stderr);
  assert.match(stdout, /^lines \d+$/m);
  assert.equal(stderr, '');
});
