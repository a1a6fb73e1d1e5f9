import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Queue } from 'bullmq';

import { startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { scrape } from '../helpers/scrape.js';

const STATES = ['active', 'completed', 'delayed', 'failed', 'prioritized', 'waiting', 'waiting-children'];

test('several processes that observe one queue show its jobs once, for as long as one of them lives', async (t) => {
  const redis = await startRedis(t);
  const metricsPort = await freePort();
  const env = {
    ORCHESTRATOR_REDIS_URL: redis.url,
    ORCHESTRATOR_PREFIX: 'shop',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
    QUEUE_PORT: String(redis.port),
  };
  // The one that is scraped knows nothing of the queue.
  await startApp(t, 'server.cjs', { env }).number('listening');
  const observe = async (more = {}): Promise<AppProcess> => {
    const app = startApp(t, 'queue.cjs', { env: { ...env, ...more } });
    await app.waitFor(/^observing$/m);
    return app;
  };
  const shows = (expected: Readonly<Record<string, number>>, instances?: number): Promise<void> =>
    eventually(async () => {
      const seen = await scrape(metricsPort);
      if (instances !== undefined) assert.equal(seen.sum('orchestrator_instances'), instances);
      const jobs = seen.samples('queue_jobs', { queue_name: 'mail' });
      assert.deepEqual(
        jobs.map(({ labels }) => labels['job_state'] ?? '').toSorted((a, b) => (a < b ? -1 : 1)),
        STATES,
        'one number for each state',
      );
      for (const { labels, value } of jobs) {
        assert.equal(labels['service_instance_id'], undefined);
        assert.equal(value, expected[labels['job_state'] ?? ''] ?? 0, labels['job_state']);
      }
    });

  const queue = new Queue('mail', { connection: { host: '127.0.0.1', port: redis.port } });
  onEnd(t, () => queue.close());
  const send = (jobs: number, to: string): Promise<unknown> =>
    queue.addBulk(Array.from({ length: jobs }, () => ({ name: 'send-mail', data: { to } })));

  await send(10, 'ann');
  const first = await observe();
  const second = await observe();
  await shows({ waiting: 10 }, 3);

  await first.end('SIGKILL');
  await send(5, 'nobody');
  // Long before the lease of the one that was killed is over; then after it.
  await shows({ waiting: 15 });
  await send(1, 'ann');
  await shows({ waiting: 16 }, 2);

  const worker = await observe({ WORK: 'true' });
  await shows({ completed: 11, failed: 5 }, 3);
  await eventually(async () => {
    const seen = await scrape(metricsPort);
    for (const [outcome, runs] of Object.entries({ success: 11, failure: 5 })) {
      const job = { job_name: 'send-mail', job_outcome: outcome };
      assert.equal(seen.sum('job_runs_total', job), runs);
    }
  });

  for (const app of [second, worker]) assert.equal((await app.end('SIGTERM')).signal, 'SIGTERM');
  assert.deepEqual((await scrape(metricsPort)).samples('queue_jobs'), [], 'nobody knows any more');
  for (const app of [first, second, worker])
    assert.match(app.stderr, /^\[orchestrator\] [^\n]*\n$/, 'one start line and nothing else');
});
