import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { once } from 'node:events';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import { fixturePath, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { drive, ROUTES, Tally } from '../helpers/load.js';
import { installedVersions, npm } from '../helpers/npm.js';
import { suiteOwner, type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startRedis, type RedisServer } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { scrape } from '../helpers/scrape.js';
import { assertExact } from './exact-metrics.js';

/**
 * What differs from one Node to another: the SDK that npm chooses by its engine, the channels of HTTP, how modules are
 * loaded. So the package is installed and run with each, and what this suite tests on one Node is tested on the others.
 */

/** Major versions of Node, and the major version of the OpenTelemetry SDK that npm chooses for each by its engine. */
const NODES = [
  { node: 20, sdk: 2 },
  { node: 22, sdk: 3 },
  { node: 24, sdk: 3 },
  { node: 26, sdk: 3 },
];

/** Files below `test` whose subject is what each Node does in its own way: its channels, its streams, its counters. None needs a server. */
const ABOUT_NODE = [/^instrumentation\/(?:host|http)\//, /^start\/start\./, /^register\/own-sdk\./];

/** Those whose subject is the SDK or a package of others, which are the same on every Node: once, on the newest. */
const ABOUT_PACKAGES = [
  /^instrumentation\/(?!host\/|http\/|databases\/databases)/,
  /^reader\//,
  /^application\/record-job\./,
];
const NEWEST = Math.max(...NODES.map(({ node }) => node));

/** Kept from one run of the tests to the next; npm looks whether there is a newer one, and has nothing to copy if not. */
const RUNTIMES = join(PACKAGE_ROOT, 'node_modules', '.cache', 'nodes-of-the-tests');

/** Less than this file has, so that the one that hangs is named. */
const FILE_TIMEOUT_MS = 120_000;

const owner = suiteOwner();
let tarball = '';
let redis: RedisServer;
/** One for all Nodes that get the same packages. */
let checkout: Promise<string> | undefined;

before(async () => {
  redis = await startRedis(owner);
  const dir = scratchDir(owner, 'pack');
  // `npm test` has built it; building again would change the files under the other tests.
  const packed = await npm(['pack', PACKAGE_ROOT, '--ignore-scripts', '--json'], dir);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  tarball = join(dir, filename);
});

describe('the package on every Node', { concurrency: 2 }, () => {
  for (const { node, sdk } of NODES) {
    describe(`Node ${node}`, () => {
      const suite = suiteOwner();
      let installed: Installed;

      before(async () => {
        installed = await install(suite, node);
      });

      test(`SDK ${sdk}.x once, and metrics of a CommonJS and an ES module application`, async (t) => {
        const { app } = installed;
        const versions = installedVersions(app, '@opentelemetry/sdk-metrics');
        assert.equal(versions.length, 1, `copies of sdk-metrics: ${versions.join(', ')}`);
        assert.match(versions[0] ?? '', new RegExp(`^${sdk}\\.`));

        const { env, metricsPort } = await settings();
        const apps = [
          startProgram(t, installed.node, ['--require', '@org/orchestrator/register', 'server.cjs'], {
            cwd: app,
            env,
          }),
          startProgram(t, installed.node, ['--import', '@org/orchestrator/register', 'server.mjs'], {
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

      const channels = node >= 22;
      test(`HTTP/2 without TLS ${channels ? 'is measured' : 'works, and is not measured'}`, async (t) => {
        const { env, metricsPort } = await settings();
        const app = startProgram(
          t,
          installed.node,
          ['--require', '@org/orchestrator/register', 'http2.cjs'],
          { cwd: installed.app, env: { ...env, ORCHESTRATOR_PREFIX: `h2-${node}` } },
        );
        const tally = await driveHttp2(await app.number('listening'));
        await eventually(async () => {
          const seen = await scrape(metricsPort);
          const requests = 'http_server_request_duration_seconds_count';
          if (channels) {
            assertExact(seen, tally);
            const labels = { network_protocol_version: '2', url_scheme: 'http' };
            assert.equal(seen.sum(requests, labels), tally.count());
          } else {
            // What the application counts by itself says that everything else would be here by now.
            assert.equal(seen.sum('app_requests_total'), tally.count());
            assert.deepEqual(seen.samples(requests), []);
          }
        });
      });

      // The suite itself runs with the other SDK.
      if (sdk === 3) {
        const subjects = node === NEWEST ? [...ABOUT_NODE, ...ABOUT_PACKAGES] : ABOUT_NODE;
        test(`the tests of ${node === NEWEST ? 'instrumentation, reader and start' : 'HTTP, start and an SDK beside ours'} pass`, async (t) => {
          checkout ??= copyCheckout(owner, installed.node);
          const tests = join(await checkout, 'dist', 'test');
          const files = readdirSync(tests, { recursive: true, encoding: 'utf8' }).filter(
            (file) => file.endsWith('.test.js') && subjects.some((pattern) => pattern.test(file)),
          );
          for (const needed of ['server/http2-tracker', 'server/server', 'differential', 'client/client'])
            assert.ok(files.includes(`instrumentation/http/${needed}.test.js`), needed);
          for (const needed of ['frameworks/frameworks', 'spans/tracing'])
            assert.equal(files.includes(`instrumentation/${needed}.test.js`), node === NEWEST, needed);
          const { code, stdout, stderr } = await startProgram(
            t,
            installed.node,
            ['--test', '--test-reporter=tap', `--test-timeout=${FILE_TIMEOUT_MS}`, ...files],
            { cwd: tests },
          ).ending;
          const count = (what: string): number =>
            Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1]);
          assert.equal(code, 0, `${failures(stdout)}${stderr}`);
          assert.ok(count('pass') > files.length, stdout);
          assert.equal(count('pass'), count('tests'));
          for (const none of ['fail', 'cancelled', 'skipped', 'todo']) assert.equal(count(none), 0, none);
          t.diagnostic(`${count('pass')} tests of ${files.length} files`);
        });
      }
    });
  }
});

interface Installed {
  /** The program. */
  readonly node: string;
  /** The folder of an application that has installed the package. */
  readonly app: string;
}

async function install(suite: Owner, major: number): Promise<Installed> {
  const runtime = join(RUNTIMES, `node${major}`);
  mkdirSync(runtime, { recursive: true });
  writeFileSync(join(runtime, 'package.json'), '{"private":true}');
  await npm(['install', `node@${major}`], runtime);
  const node = join(runtime, 'node_modules', 'node', 'bin', 'node');

  const app = join(scratchDir(suite, 'app'), 'shop');
  mkdirSync(app);
  // The name of the project comes from here, so a Redis URL is all that must be set.
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: `shop${major}`, private: true }));
  for (const file of ['server.cjs', 'server.mjs', 'http2.cjs', 'routes.cjs'])
    cpSync(fixturePath(file), join(app, file));
  await npm(['install', tarball], app, node);
  return { node, app };
}

async function settings(): Promise<{ env: Record<string, string>; metricsPort: number }> {
  const metricsPort = await freePort();
  const env = {
    REDIS_URL: redis.url,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
  };
  return { env, metricsPort };
}

async function driveHttp2(port: number): Promise<Tally> {
  const tally = new Tally();
  const session = connect(`http://127.0.0.1:${port}`);
  for (const { method, path, route } of ROUTES) {
    const stream = session.request({ ':method': method, ':path': path });
    stream.resume().end();
    const [headers] = (await once(stream, 'response')) as [{ ':status'?: number }];
    tally.add({ method, route, status: headers[':status'] ?? 0 });
    await once(stream, 'close');
  }
  session.close();
  return tally;
}

/**
 * This checkout with the packages that an application gets on that Node if it wants traces. They come first; what only tests
 * need comes from the folder above, which is the checkout's own.
 */
async function copyCheckout(owned: Owner, node: string): Promise<string> {
  const above = scratchDir(owned, 'checkout');
  symlinkSync(join(PACKAGE_ROOT, 'node_modules'), join(above, 'node_modules'));
  const copy = join(above, 'orchestrator');
  for (const part of ['package.json', 'dist', 'test/fixtures'])
    cpSync(join(PACKAGE_ROOT, part), join(copy, part), { recursive: true });
  const app = scratchDir(owned, 'traced');
  writeFileSync(join(app, 'package.json'), '{"private":true}');
  await npm(['install', tarball, '@opentelemetry/auto-instrumentations-node'], app, node);
  symlinkSync(join(app, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** The tests that failed, from TAP, with what it says of each. */
function failures(tap: string): string {
  return Array.from(tap.matchAll(/^ *not ok [^]*?^ *\.\.\.$/gm), ([failure]) => failure).join('\n');
}
