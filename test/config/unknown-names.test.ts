import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Environment } from '../../src/config/environment.js';
import { readSettings } from '../../src/config/read-settings.js';
import type { SettingOptions } from '../../src/config/setting-options.js';
import { SETTINGS, type Setting } from '../../src/config/settings.js';
import { Warnings } from '../helpers/warnings.js';

function warningsOf(env: Environment): Warnings {
  const warnings = new Warnings();
  readSettings(env, {}, warnings.warn);
  return warnings;
}

describe('a variable that is not a setting', () => {
  const misspelt = {
    ORCHESTRATOR_REDISURL: 'ORCHESTRATOR_REDIS_URL',
    ORCHESTRATOR_PERFIX: 'ORCHESTRATOR_PREFIX',
    ORCHESTRATOR_STROE: 'ORCHESTRATOR_STORE',
    ORCHESTRATOR_GAUGE_AGGREGATIONS: 'ORCHESTRATOR_GAUGE_AGGREGATION',
    ORCHESTRATOR_IGNORED_PATHS: 'ORCHESTRATOR_IGNORE_PATHS',
    ORCHESTRATOR_REDIS_PASWORD: 'ORCHESTRATOR_REDIS_PASSWORD',
  };
  for (const [variable, nearest] of Object.entries(misspelt)) {
    test(`${variable} is one warning that names ${nearest} and not its value`, () => {
      const { messages, codes } = warningsOf({ [variable]: 'S3CR3T' });
      assert.deepEqual(codes, ['ORCHESTRATOR_SETTING_UNKNOWN']);
      assert.equal(
        messages[0],
        `${variable} is not a setting and has no effect. The nearest one is ${nearest}.`,
      );
    });
  }

  test('may belong to another program, or to a Service of Kubernetes', () => {
    const theirs = [
      'ORCHESTRATOR_PORT',
      'ORCHESTRATOR_PORT_9464_TCP',
      'ORCHESTRATOR_PORT_9464_TCP_ADDR',
      'ORCHESTRATOR_SERVICE_HOST',
      'ORCHESTRATOR_SERVICE_PORT',
      'ORCHESTRATOR_API',
      'ORCHESTRATOR_API_TOKEN',
      'ORCHESTRATOR_URL',
      'MY_ORCHESTRATOR_REDISURL',
    ];
    assert.deepEqual(warningsOf(Object.fromEntries(theirs.map((name) => [name, 'x']))).messages, []);
  });

  test('is no variable of a setting', () => {
    const all = Object.values<Setting>({ ...SETTINGS }).flatMap(({ env }) => env);
    const { codes } = warningsOf(Object.fromEntries(all.map((name) => [name, ''])));
    assert.deepEqual(codes, []);
  });
});

describe('an option that does not exist', () => {
  test('throws and names the nearest one', () => {
    assert.throws(() => readSettings({}, { redisURL: 'redis://h' } as SettingOptions, () => undefined), {
      code: 'ORCHESTRATOR_INVALID_SETTING',
      message: 'Option redisURL does not exist. The nearest one is redisUrl.',
    });
  });

  test('does not matter while it is undefined, and those that only code can give do exist', () => {
    const options = { redisURL: undefined, views: [], instrumentations: [] } as SettingOptions;
    assert.doesNotThrow(() => readSettings({}, options, () => undefined));
  });
});
