import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

import {
  fixturePath,
  NO_PROCESS_NO_THREAD,
  PRELOAD,
  startApp,
  type AppProcess,
} from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import type { Exposition } from '../helpers/exposition.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { newStore, SHARED_STORES } from './stores.js';

/** What docs/metrics.md promises of every host; network metrics need an interface besides loopback. */
const FAMILIES = [
  'system_cpu_time_seconds_total',
  'system_cpu_utilization_ratio',
  'system_memory_usage_bytes',
  'system_memory_utilization_ratio',
  'system_filesystem_usage_bytes',
];

describe(
  'of 4 processes one collects the host, and another one when it is killed',
  { concurrency: true },
  () => {
    for (const store of SHARED_STORES) {
      test(store, async (t) => {
        // At the default interval, to which the promise of 15 s belongs.
        const env = { ...(await newStore(t, store)), ORCHESTRATOR_PREFIX: 'shop' };
        const apps = new Map<number, AppProcess>();
        for (let index = 0; index < 4; index++) {
          const port = await freePort();
          const app = startApp(t, 'server.cjs', {
            env: { ...env, OTEL_EXPORTER_PROMETHEUS_PORT: String(port) },
          });
          await app.number('listening');
          // So that the first is the one that collects.
          if (index === 0) await eventually(async () => assertComplete(await scrape(port)));
          apps.set(port, app);
        }
        const [collector = 0, ...others] = apps.keys();
        const before = await eventually(async () => {
          const exposition = await scrape(collector);
          assert.equal(exposition.sum('orchestrator_instances'), 4);
          assertComplete(exposition);
          return exposition;
        });
        assertNoDuplicates(before);

        await apps.get(collector)?.end('SIGKILL');
        const watched: Exposition[] = [];
        await eventually(
          async () => {
            for (const port of others) {
              const exposition = await scrape(port);
              watched.push(exposition);
              assertComplete(exposition);
              assert.ok(idle(exposition) > idle(before), 'nobody collects');
            }
          },
          { everyMs: 200 },
        );
        // Longer than the lease of the one that was killed.
        await eventually(
          async () => {
            const exposition = await scrape(others[0] ?? 0);
            watched.push(exposition);
            assert.equal(exposition.sum('orchestrator_instances'), 3);
            assertComplete(exposition);
          },
          { everyMs: 200 },
        );
        for (const exposition of watched) {
          assertNoDuplicates(exposition);
          const seen = exposition.families.get('system_cpu_time_seconds_total');
          if (seen !== undefined)
            assert.ok(idle(exposition) >= idle(before), 'a counter of the host decreased');
        }
      });
    }
  },
);

function idle(exposition: Exposition): number {
  return exposition.sum('system_cpu_time_seconds_total', { system_cpu_state: 'idle' });
}

function assertComplete(exposition: Exposition): void {
  for (const family of FAMILIES) assert.ok(exposition.families.has(family), `${family} is missing`);
}

/** One series for each state or device: none names the process that happened to collect it. */
function assertNoDuplicates(exposition: Exposition): void {
  for (const { name, samples } of exposition.families.values()) {
    if (!name.startsWith('system_')) continue;
    const seen = new Set<string>();
    for (const { labels } of samples) {
      const { service_instance_id: instance, ...rest } = labels;
      assert.equal(instance, undefined, name);
      const key = JSON.stringify(rest);
      assert.ok(!seen.has(key), `${name} twice: ${key}`);
      seen.add(key);
      assert.ok((labels['host_name'] ?? '') !== '', `${name} names no host`);
    }
  }
}

test('no process is started, also where none may be: under the permission model', async (t) => {
  const port = await freePort();
  const app = startApp(t, 'server.cjs', {
    nodeArgs: [...NO_PROCESS_NO_THREAD, '--require', fixturePath('spy-processes.cjs'), '--require', PRELOAD],
    env: {
      ORCHESTRATOR_STORE: 'memory',
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    },
  });
  await app.number('listening');
  const complete = async (): Promise<void> => assertComplete(await scrape(port));
  await eventually(complete);
  // The next collections of the interval.
  await delay(2000);
  await complete();
  assert.ok(app.running, app.stderr);
  assert.doesNotMatch(app.stdout, /starts a process/);
});
