import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';

import { runApp, startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import type { Exposition } from '../helpers/exposition.js';
import { drive, Tally } from '../helpers/load.js';
import { startPm2 } from '../helpers/pm2.js';
import { freePort } from '../helpers/ports.js';
import { get, scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';
import { newStore, SHARED_STORES, type SharedStore } from './stores.js';

interface Project {
  /** For every process of the project. */
  readonly env: Record<string, string>;
  /** What a process that outlives the others shows. */
  readonly look: () => Promise<Exposition>;
}

/** A project with one process that only watches. */
async function project(t: TestContext, store: SharedStore, intervalMs: number): Promise<Project> {
  const port = await freePort();
  const env = {
    ...(await newStore(t, store)),
    ORCHESTRATOR_PREFIX: 'shop',
    OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs),
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
  };
  await startApp(t, 'server.cjs', { env }).number('listening');
  return { env, look: () => scrape(port) };
}

/** So long that nothing but the end of the process can have flushed it. */
const NEVER_MS = 600_000;

const jobs = 'app_jobs_total';

function assertNothingDecreased(before: Exposition, after: Exposition): void {
  for (const { type, samples } of before.families.values()) {
    if (type !== 'counter' && type !== 'histogram') continue;
    for (const { name, labels, value } of samples) {
      assert.ok(
        after.sum(name, labels) >= value,
        `${name} ${JSON.stringify(labels)} decreased from ${value}`,
      );
    }
  }
}

for (const store of SHARED_STORES) {
  describe(`on the ${store} store`, () => {
    test('kill -9: no counter decreases, and at most what came after the last flush is missing', async (t) => {
      const { env, look } = await project(t, store, 1000);
      const app = startApp(t, 'server.cjs', { env });
      const port = await app.number('listening');
      const flushed = await drive({ requests: 500, ports: [port] });
      const before = await eventually(async () => {
        const exposition = await look();
        assertExact(exposition, flushed);
        return exposition;
      });

      const tally = await drive({ requests: 300, ports: [port] });
      await app.end('SIGKILL');
      for (let watch = 0; watch < 20; watch++) {
        const now = await look();
        assertNothingDecreased(before, now);
        const count = now.sum('app_requests_total');
        assert.ok(count >= flushed.count() && count <= flushed.count() + tally.count(), `${count} requests`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });

    describe('nothing is missing after', () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        test(`${signal} to a server, which dies by it`, async (t) => {
          const { env, look } = await project(t, store, NEVER_MS);
          const app = startApp(t, 'server.mjs', { env });
          const tally = await drive({ requests: 500, ports: [await app.number('listening')] });
          const { code, signal: by } = await app.end(signal);
          assert.deepEqual({ code, by }, { code: null, by: signal });
          assertExact(await look(), tally);
        });
      }

      test('SIGTERM under traffic: every request that was answered before it', async (t) => {
        const { env, look } = await project(t, store, NEVER_MS);
        const app = startApp(t, 'server.cjs', { env });
        const tally = new Tally();
        const until = (): boolean => !app.running;
        const ports = [await app.number('listening')];
        const traffic = drive({ requests: Infinity, ports, concurrency: 4, tally, until });
        await eventually(() => assert.ok(tally.count() > 500));
        const answered = tally.count();
        await app.end('SIGTERM');
        await traffic;
        const counted = (await look()).sum('app_requests_total');
        assert.ok(
          counted >= answered && counted <= tally.count() + tally.failed,
          `${counted} of ${answered}`,
        );
        t.diagnostic(
          `${tally.count() - counted} requests were answered while the process was dying, and not counted`,
        );
      });

      test('SIGTERM to an application that drains by itself', async (t) => {
        const { env, look } = await project(t, store, NEVER_MS);
        const app = startApp(t, 'drain.cjs', { env });
        const port = await app.number('listening');
        const answers = [get(port, '/'), get(port, '/')];
        await app.waitFor(/begun\n[^]*begun\n/);
        const { code, stdout } = await app.end('SIGTERM');
        for (const answer of await Promise.all(answers)) assert.equal(answer.body, 'finished\n');
        assert.equal(code, 3);
        assert.match(stdout, /drained\n$/);
        assert.equal((await look()).sum('app_finished_total'), 2);
      });

      test('SIGTERM to the primary of a cluster', async (t) => {
        const { env, look } = await project(t, store, NEVER_MS);
        const app = startApp(t, 'cluster.cjs', { env: { ...env, WORKERS: '3' } });
        const tally = await drive({ requests: 500, ports: [await app.number('listening')] });
        const { signal } = await app.end('SIGTERM');
        assert.equal(signal, 'SIGTERM');
        assertExact(await look(), tally);
      });

      test('SIGTERM to one worker of a cluster, while the others go on', async (t) => {
        const { env, look } = await project(t, store, 1000);
        const app = startApp(t, 'cluster.cjs', { env: { ...env, WORKERS: '3' } });
        const port = await app.number('listening');
        const tally = await drive({ requests: 500, ports: [port] });
        const [, worker] = await app.waitFor(/^worker (\d+)$/m);
        process.kill(Number(worker), 'SIGTERM');
        await app.waitFor(new RegExp(`^exit ${worker}$`, 'm'));
        await drive({ requests: 500, ports: [port], tally });
        await eventually(async () => assertExact(await look(), tally));
      });

      test('the parent of forked children disconnects them', async (t) => {
        const { env, look } = await project(t, store, NEVER_MS);
        const app = startApp(t, 'fork-parent.cjs', { env });
        const [, first, second] = await app.waitFor(/^child (\d+)$[^]*^child (\d+)$/m);
        const tally = await drive({ requests: 500, ports: [Number(first), Number(second)] });
        const { code } = await app.end('SIGTERM');
        assert.equal(code, 5);
        assertExact(await look(), tally);
      });

      for (const mode of ['fork', 'cluster'] as const) {
        test(`pm2 stop in ${mode} mode`, async (t) => {
          const { env, look } = await project(t, store, NEVER_MS);
          const port = await freePort();
          const pm2 = await startPm2(t, mode, { ...env, PORT: String(port) });
          const tally = await drive({ requests: 500, ports: mode === 'fork' ? [port, port + 1] : [port] });
          await pm2.command(['stop', 'shop', '--silent']);
          await eventually(async () => assertExact(await look(), tally));
        });
      }

      test('pm2 reload under traffic of an application that closes in order', async (t) => {
        const { env, look } = await project(t, store, 1000);
        const port = await freePort();
        const pm2 = await startPm2(t, 'cluster', { ...env, PORT: String(port), CLOSE_ON: 'SIGINT' });
        let reloaded = false;
        const tally = new Tally();
        const until = (): boolean => reloaded;
        const traffic = drive({ requests: Infinity, ports: [port], concurrency: 4, tally, until });
        await pm2.command(['reload', 'shop', '--silent']).finally(() => (reloaded = true));
        await traffic;
        // A request without an answer may or may not have been counted; the client cannot tell.
        await eventually(async () => {
          const count = (await look()).sum('app_requests_total');
          assert.ok(
            count >= tally.count() && count <= tally.count() + tally.failed,
            `${count} of ${tally.count()}`,
          );
        });
      });

      const endings: Array<{ fixture: string; ends: string; code: number }> = [
        { fixture: 'job.cjs', ends: 'its normal end', code: 0 },
        { fixture: 'job.mjs', ends: 'its normal end as an ES module', code: 0 },
        { fixture: 'exit-after-shutdown.cjs', ends: 'process.exit() after await shutdown()', code: 4 },
      ];
      for (const { fixture, ends, code } of endings) {
        test(ends, async (t) => {
          const { env, look } = await project(t, store, NEVER_MS);
          const ending = await runApp(t, fixture, { env: { ...env, ADD: '41' } });
          assert.equal(ending.code, code);
          await runApp(t, fixture, { env: { ...env, ADD: '1' } });
          assert.equal((await look()).sum(jobs), 42);
        });
      }
    });

    test('a killed process leaves the count of live instances, and its gauges leave, when its lease ends', async (t) => {
      const { env, look } = await project(t, store, 1000);
      const app = startApp(t, 'server.cjs', { env });
      await app.number('listening');
      const gauge = 'v8js_memory_heap_used_bytes';
      const processes = (exposition: Exposition): number =>
        new Set(exposition.samples(gauge).map(({ labels }) => labels['service_instance_id'])).size;
      await eventually(async () => {
        const exposition = await look();
        assert.equal(exposition.sum('orchestrator_instances'), 2);
        assert.equal(processes(exposition), 2);
      });
      await app.end('SIGKILL');
      await eventually(async () => {
        const exposition = await look();
        assert.equal(exposition.sum('orchestrator_instances'), 1);
        assert.equal(processes(exposition), 1);
      });
    });
  });
}
