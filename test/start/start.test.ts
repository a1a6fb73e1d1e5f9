import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { metrics } from '@opentelemetry/api';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

import { recordJob } from '../../src/application/record-job.js';
import { collectMetrics } from '../../src/start/metrics-handler.js';
import { running } from '../../src/start/running.js';
import { shutdown, start, type StartOptions } from '../../src/start/start.js';
import { baseEnvironment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { Exposition } from '../helpers/exposition.js';
import { freePort } from '../helpers/ports.js';
import { startRedis } from '../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { fetchStatus } from '../instrumentation/http/http-traffic.js';

const quiet: StartOptions = {
  store: 'memory',
  prefix: 'shop',
  prometheusPort: 0,
  logLevel: 'none',
  metricExportInterval: 3_600_000,
};

afterEach(async () => {
  await shutdown();
  metrics.disable();
});

const exposition = async (): Promise<Exposition> => new Exposition((await collectMetrics()).body.toString());

describe('start()', () => {
  test('measures what the application counts, and can be ended and started again', async () => {
    for (let time = 1; time <= 2; time += 1) {
      const orchestrator = start(quiet);
      assert.ok(orchestrator !== undefined);
      assert.equal(orchestrator.prefix, 'shop');
      metrics.getMeter('app').createCounter('orders').add(time);
      await orchestrator.flush();
      assert.equal((await exposition()).sum('orders_total'), time);
      await Promise.all([orchestrator.shutdown(), orchestrator.shutdown(), shutdown()]);
      assert.equal(running(), undefined);
      await assert.rejects(collectMetrics(), { code: 'ORCHESTRATOR_NOT_RUNNING' });
    }
  });

  test('a second time throws, and the first goes on', async () => {
    start(quiet);
    assert.throws(() => start(quiet), { code: 'ORCHESTRATOR_ALREADY_STARTED', message: /preload/ });
    metrics.getMeter('app').createCounter('orders').add(1);
    assert.equal((await exposition()).sum('orders_total'), 1);
  });

  test('beside another SDK leaves that one alone, measures for itself, and says so', async () => {
    const theirs = new MeterProvider();
    metrics.setGlobalMeterProvider(theirs);
    start(quiet);
    assert.equal(metrics.getMeterProvider(), theirs);
    await recordJob('beside', () => undefined);
    const seen = await exposition();
    assert.equal(seen.sum('job_runs_total'), 1);
    assert.ok(seen.samples('process_cpu_time_seconds_total').length > 0);
  });

  test('gives its place to an SDK that the application starts later, and goes on to measure', async () => {
    start(quiet);
    const before = metrics.getMeter('app').createCounter('orders');
    const theirs = new MeterProvider();
    assert.equal(metrics.setGlobalMeterProvider(theirs), true);
    assert.equal(metrics.getMeterProvider(), theirs);
    assert.equal(metrics.setGlobalMeterProvider(new MeterProvider()), false);
    before.add(2);
    await recordJob('after', () => undefined);
    const seen = await exposition();
    assert.equal(seen.sum('orders_total'), 2);
    assert.equal(seen.sum('job_runs_total'), 1);
    await shutdown();
    assert.equal(metrics.getMeterProvider(), theirs);
  });

  test('does nothing when it is turned off', () => {
    assert.equal(start({ ...quiet, enabled: false }), undefined);
    assert.equal(start({ ...quiet, sdkDisabled: true }), undefined);
    assert.equal(running(), undefined);
  });

  test('with an option that is not allowed throws, and the next start is not in its way', () => {
    const wrong: readonly StartOptions[] = [
      { maxSeries: 0 },
      { prefix: '***' },
      { store: 'redis', redisTlsCa: '/nowhere.pem' },
      { store: 'redis', redisMode: 'sentinel' },
      { redisURL: 'redis://h' } as StartOptions,
    ];
    for (const options of wrong)
      assert.throws(() => start({ ...quiet, ...options }), { code: 'ORCHESTRATOR_INVALID_SETTING' });
    assert.throws(() => start({ ...quiet, prefix: '***' }), {
      message: /^Option prefix: "\*\*\*" is not allowed/,
    });
    assert.ok(start(quiet) !== undefined);
  });

  test('ends without an error when the store is away', async () => {
    const redisUrl = `redis://127.0.0.1:${await freePort()}`;
    const orchestrator = start({ ...quiet, store: 'redis', redisUrl });
    metrics.getMeter('app').createCounter('orders').add(1);
    await assert.rejects(orchestrator?.flush() ?? Promise.resolve(), {
      code: 'ORCHESTRATOR_STORE_UNAVAILABLE',
    });
    await orchestrator?.shutdown();
    assert.equal(running(), undefined);
  });

  test('buckets: those of the setting for HTTP, those of the unit for what the application measures', async (t) => {
    start({ ...quiet, httpBuckets: [0.5, 30], httpBodySizes: true });
    const server = createServer((_request, response) => response.end('x'));
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await fetchStatus((server.address() as AddressInfo).port, '/');
    const meter = metrics.getMeter('app');
    meter.createHistogram('wait', { unit: 's' }).record(1);
    meter.createHistogram('upload', { unit: 'By' }).record(1);
    const bytes = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power);
    const expected = {
      http_server_request_duration_seconds: [0.5, 30],
      http_server_request_body_size_bytes: bytes,
      http_server_response_body_size_bytes: bytes,
      wait_seconds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
      upload_bytes: bytes,
    };
    await eventually(async () => {
      const seen = await exposition();
      for (const [name, boundaries] of Object.entries(expected)) {
        const shown = seen.samples(`${name}_bucket`).map(({ labels }) => labels['le']);
        assert.deepEqual(shown, [...boundaries.map(String), '+Inf'], name);
      }
    });
  });

  test('sums two starts in one Redis, and says who they are', async (t) => {
    const { url } = await startRedis(t);
    for (const orders of [1, 2]) {
      start({ ...quiet, store: 'redis', redisUrl: url, serviceName: 'Shop' });
      metrics.getMeter('app').createCounter('orders').add(orders);
      const shown = await exposition();
      assert.equal(shown.sum('orders_total'), orders === 1 ? 1 : 3);
      assert.equal(shown.sum('target_info', { service_name: 'Shop' }), 1);
      assert.equal(shown.sum('orchestrator_instances'), 1);
      await shutdown();
    }
  });
});

const REGISTER = JSON.stringify(join(PACKAGE_ROOT, 'dist', 'register.js'));
const INDEX = JSON.stringify(join(PACKAGE_ROOT, 'dist', 'src', 'index.js'));

const run = async (
  env: Record<string, string>,
  script = `require(${REGISTER}); setTimeout(() => {}, 1300)`,
  cwd: string = PACKAGE_ROOT,
): Promise<string> => {
  const { stderr, stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
    env: { ...baseEnvironment(), OTEL_EXPORTER_PROMETHEUS_PORT: '0', OTEL_LOG_LEVEL: 'all', ...env },
    cwd,
  });
  assert.equal(stdout, '');
  return stderr;
};

describe('the start line', () => {
  test('has the real port when any free one was asked for', async () => {
    const script = `
      require(${REGISTER});
      let line = '';
      const look = setInterval(() => {
        const url = /http:\\S+metrics/.exec(line)?.[0];
        if (url === undefined) return;
        clearInterval(look);
        fetch(url).then((reply) => console.error('status', reply.status));
      }, 50);
      const write = process.stderr.write;
      process.stderr.write = (text, ...rest) => { line += text; return write.call(process.stderr, text, ...rest); };`;
    const printed = await run({ ORCHESTRATOR_STORE: 'memory', ORCHESTRATOR_PREFIX: 'shop' }, script);
    const lines = printed.split('\n').filter((line) => line.includes(': store memory'));
    assert.equal(lines.length, 1, printed);
    assert.match(printed, /^status 200$/m);
  });

  test('names no address without a store', async () => {
    const printed = await run({ OTEL_METRICS_EXPORTER: 'none', ORCHESTRATOR_PREFIX: 'shop' });
    assert.match(printed, /: store none, prefix shop/);
    assert.ok(!printed.includes('http:'), printed);
  });
});

describe('what is printed', () => {
  test('names a project without a name, and an exporter that does not exist', async (t) => {
    const env = {
      ORCHESTRATOR_STORE: 'memory',
      OTEL_METRICS_EXPORTER: 'orchestrator,jaeger',
      OTEL_NODE_RESOURCE_DETECTORS: 'env,nowhere',
    };
    const printed = await run(env, undefined, scratchDir(t, 'nameless'));
    assert.match(printed, /ORCHESTRATOR_NO_NAME warn: .*set ORCHESTRATOR_PREFIX/);
    assert.match(printed, /ORCHESTRATOR_EXPORTER_UNKNOWN warn: .*"jaeger" is not allowed/);
    assert.match(printed, /ORCHESTRATOR_DETECTOR_UNKNOWN warn: .*nowhere/);
  });

  test('says that the local store cannot be used', async () => {
    const printed = await run({ ORCHESTRATOR_LOCAL_DIR: '/proc/orchestrator' });
    assert.match(printed, /ORCHESTRATOR_MEMORY_STORE warn: .* Used instead: memory/);
  });

  test('says that shutdown() could not end an exporter of OpenTelemetry', async () => {
    const env = { ORCHESTRATOR_STORE: 'memory', OTEL_METRICS_EXPORTER: 'orchestrator,prometheus' };
    const script = `
      const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus');
      PrometheusExporter.prototype.onShutdown = () => Promise.reject(new Error('it hangs'));
      const { start, shutdown } = require(${INDEX});
      start();
      shutdown().then(() => process.exit());`;
    const printed = await run(env, script);
    assert.match(printed, /ORCHESTRATOR_SHUTDOWN_INCOMPLETE warn: At the end: it hangs/);
  });

  const secret = 'S3CR3T';
  test('never has a secret in it, whatever is wrong', async (t) => {
    const { port } = await startRedis(t, { password: 'right' });
    const cases: ReadonlyArray<readonly [env: Record<string, string>, expected: RegExp]> = [
      [{ REDIS_URL: `redis://:${secret}@127.0.0.1:${port}` }, /WRONGPASS/],
      [{ REDIS_URL: `redis://u:${secret}@127.0.0.1:${await freePort()}/1?x=${secret}` }, /ECONNREFUSED/],
      [{ REDIS_URL: `redis://u:12/${secret}@127.0.0.1:6379` }, /is not allowed/],
      [{ REDIS_URL: `${secret}@127.0.0.1:6379`, ORCHESTRATOR_WIPE_TOKEN: secret }, /is not allowed/],
      [
        {
          REDIS_URL: `redis://127.0.0.1:${port}`,
          ORCHESTRATOR_REDIS_PASSWORD: secret,
          ORCHESTRATOR_REDIS_USERNAME: 'someone',
        },
        /ORCHESTRATOR_REDIS_PASSWORD/,
      ],
    ];
    for (const [env, expected] of cases) {
      const printed = await run(env);
      assert.match(printed, expected);
      assert.ok(!printed.includes(secret), printed);
    }
  });
});
