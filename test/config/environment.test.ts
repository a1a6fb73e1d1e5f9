import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  processEnvironment,
  withOptionsInEnvironment,
  type Environment,
} from '../../src/config/environment.js';
import { readSettings } from '../../src/config/read-settings.js';

const withEnvironment = async (env: Environment, check: () => void | Promise<void>): Promise<void> => {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    await check();
  } finally {
    for (const name of Object.keys(process.env))
      if (!(name in before)) Reflect.deleteProperty(process.env, name);
  }
};

describe('the environment under PM2', () => {
  test('has the variables that PM2 has not set yet, and those that are set win', async () => {
    const pm2 = {
      name: 'app',
      ORCHESTRATOR_PREFIX: 'from-pm2',
      ORCHESTRATOR_MAX_SERIES: 12,
      ORCHESTRATOR_SCOPE_INFO: false,
      REDIS_URL: 'redis://pm2',
      OTEL_SERVICE_NAME: 'pm2',
      OTHER: 'x',
      ORCHESTRATOR_METRICS_PATH: { not: 'text' },
      pm_exec_path: '/app/main.js',
      pm_id: 3,
    };
    const env = { pm2_env: JSON.stringify(pm2), OTEL_SERVICE_NAME: 'mine' };
    await withEnvironment(env, () => {
      const warnings: string[] = [];
      const settings = readSettings(processEnvironment(), {}, (message) => warnings.push(message));
      assert.equal(settings.prefix, 'from-pm2');
      assert.equal(settings.maxSeries, 12);
      assert.equal(settings.scopeInfo, false);
      assert.equal(settings.redisUrl, 'redis://pm2');
      assert.equal(settings.serviceName, 'mine');
      assert.equal(settings.metricsPath, '/metrics');
      assert.equal(processEnvironment()['pm_exec_path'], '/app/main.js');
      assert.equal(processEnvironment()['pm_id'], '3');
      assert.equal(process.env['OTHER'], undefined);
      assert.deepEqual(warnings, []);
    });
  });

  test('is what it is when pm2_env is no JSON, and nothing of it is told', async () => {
    const told: string[] = [];
    const listener = (warning: Error & { code?: unknown }): number =>
      told.push(`${String(warning.code)} ${warning.message}`);
    process.on('warning', listener);
    for (const text of ['{"ORCHESTRATOR_REDIS_PASSWORD":S3CR3T}', 'S3CR3T', 'null', '']) {
      await withEnvironment({ pm2_env: text }, async () => {
        assert.equal(readSettings(processEnvironment(), {}, () => undefined).redisPassword, undefined);
        await new Promise((resolve) => setImmediate(resolve));
      });
    }
    process.removeListener('warning', listener);
    assert.ok(!told.join().includes('S3CR3T'), told.join());
    assert.match(told.join(), /^ORCHESTRATOR_PM2_ENV_UNREADABLE pm2_env is not a JSON object/);
  });
});

describe('options that OpenTelemetry reads from the environment', () => {
  const options = { resourceAttributes: 'a=b', otlpProtocol: 'grpc', prefix: 'not read there' } as const;
  const seen = (): Array<string | undefined> =>
    ['OTEL_RESOURCE_ATTRIBUTES', 'OTEL_EXPORTER_OTLP_PROTOCOL', 'ORCHESTRATOR_PREFIX'].map(
      (variable) => process.env[variable],
    );

  test('are there while it reads, and the environment is then as it was', async () => {
    await withEnvironment({ OTEL_RESOURCE_ATTRIBUTES: 'mine=1' }, () => {
      const before = { ...process.env };
      assert.deepEqual(withOptionsInEnvironment(options, seen), ['a=b', 'grpc', undefined]);
      assert.deepEqual({ ...process.env }, before);
    });
  });

  test('are gone as well when that fails', () => {
    const before = { ...process.env };
    const failing = (): never => {
      throw new Error(seen().join());
    };
    assert.throws(() => withOptionsInEnvironment(options, failing), { message: 'a=b,grpc,' });
    assert.deepEqual({ ...process.env }, before);
  });
});
