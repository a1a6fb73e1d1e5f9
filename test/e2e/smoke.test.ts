import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { fixturePath, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, Tally } from '../helpers/load.js';
import { installedVersions, npm } from '../helpers/npm.js';
import { suiteOwner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

/** Major versions of Node, and the major version of the OpenTelemetry SDK that npm chooses for each by its engine. */
const NODES = [
  { node: 20, sdk: 2 },
  { node: 22, sdk: 3 },
  { node: 24, sdk: 3 },
  { node: 26, sdk: 3 },
];

const owner = suiteOwner();
let tarball = '';
let redis: RedisServer;

before(async () => {
  redis = await startRedis(owner);
  const dir = scratchDir(owner, 'pack');
  // `npm test` has built it; building again would change the files under the other tests.
  const packed = await npm(['pack', PACKAGE_ROOT, '--ignore-scripts', '--json'], dir);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  tarball = join(dir, filename);
});

describe('the packed package in a scratch project', { concurrency: 2 }, () => {
  for (const { node, sdk } of NODES) {
    test(`Node ${node}: SDK ${sdk}.x once, and metrics of a CommonJS and an ES module application`, async (t) => {
      const runtime = scratchDir(t, `node${node}`);
      writeFileSync(join(runtime, 'package.json'), '{"private":true}');
      await npm(['install', `node@${node}`], runtime);
      const execPath = join(runtime, 'node_modules', 'node', 'bin', 'node');

      const app = join(scratchDir(t, 'app'), 'shop');
      mkdirSync(app);
      writeFileSync(join(app, 'package.json'), JSON.stringify({ name: `shop${node}`, private: true }));
      for (const file of ['server.cjs', 'server.mjs', 'routes.cjs'])
        cpSync(fixturePath(file), join(app, file));
      await npm(['install', tarball], app, execPath);
      const versions = installedVersions(app, '@opentelemetry/sdk-metrics');
      assert.equal(versions.length, 1, `copies of sdk-metrics: ${versions.join(', ')}`);
      assert.match(versions[0] ?? '', new RegExp(`^${sdk}\\.`));

      // The name of the project comes from its package.json, so a Redis URL is all that is set.
      const metricsPort = await freePort();
      const env = {
        REDIS_URL: redis.url,
        OTEL_METRIC_EXPORT_INTERVAL: '500',
        OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      };
      const apps = [
        startProgram(t, execPath, ['--require', '@org/orchestrator/register', 'server.cjs'], {
          cwd: app,
          env,
        }),
        startProgram(t, execPath, ['--import', '@org/orchestrator/register', 'server.mjs'], {
          cwd: app,
          env,
        }),
      ];
      const ports = await Promise.all(apps.map((process) => process.number('listening')));
      const tally = await drive({ requests: 1000, ports, tally: new Tally() });
      assert.equal(tally.failed + tally.unexpected, 0);
      const exposition = await eventually(async () => {
        const seen = await scrape(metricsPort);
        assertExact(seen, tally);
        return seen;
      });
      const target = exposition.samples('target_info')[0]?.labels;
      assert.equal(target?.['service_name'], `shop${node}`);
      assert.match(target?.['telemetry_sdk_version'] ?? '', new RegExp(`^${sdk}\\.`));
      assert.match(target?.['process_runtime_version'] ?? '', new RegExp(`^${node}\\.`));
      for (const process of apps) {
        const { signal, stderr } = await process.end('SIGTERM');
        assert.equal(signal, 'SIGTERM');
        assert.match(stderr, /^\[orchestrator\] [^\n]*\n$/, 'one start line and nothing else');
      }
    });
  }
});
