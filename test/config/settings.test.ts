import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import {
  defaultText,
  processEnvironment,
  readSettings,
  sanitizePrefix,
  SETTINGS,
  withoutCredentials,
  type Environment,
  type SettingName,
  type SettingOptions,
  type Settings,
} from '../../src/config/settings.js';
import { Warnings } from '../helpers/warnings.js';

const names = Object.keys(SETTINGS) as SettingName[];

function read(
  env: Environment,
  options: SettingOptions = {},
): { settings: Settings; warnings: string[]; codes: unknown[] } {
  const { warn, messages, codes } = new Warnings();
  return { settings: readSettings(env, options, warn), warnings: messages, codes };
}

const defaults = read({}).settings;

/** A variable, a value that is allowed and what it means, and values that are not. */
const CASES: ReadonlyArray<
  readonly [variable: string, setting: SettingName, text: string, value: unknown, refused: readonly string[]]
> = [
  ['ORCHESTRATOR_ENABLED', 'enabled', 'FALSE', false, ['yes', '2', 'tru']],
  ['ORCHESTRATOR_ENABLED', 'enabled', '1', true, ['off']],
  ['ORCHESTRATOR_PREFIX', 'prefix', ' My Shop ', 'My Shop', []],
  ['ORCHESTRATOR_STORE', 'store', 'Redis', 'redis', ['mongo', 'redis,local']],
  [
    'ORCHESTRATOR_REDIS_URL',
    'redisUrl',
    'redis://u:p@h:1/2',
    'redis://u:p@h:1/2',
    [
      'h:6379',
      'http://h',
      'redis://',
      'redis://h/name',
      'redis://h:99999',
      'unix://',
      '//h',
      'redis://u:1#p@h',
      'redis://u:12/x@h',
    ],
  ],
  ['REDIS_URL', 'redisUrl', 'rediss://h', 'rediss://h', ['redis']],
  ['ORCHESTRATOR_REDIS_MODE', 'redisMode', 'CLUSTER', 'cluster', ['single']],
  [
    'ORCHESTRATOR_REDIS_NODES',
    'redisNodes',
    'a:1, [::1]:65535 ,',
    [
      { host: 'a', port: 1 },
      { host: '::1', port: 65_535 },
    ],
    ['a', 'a:', ':1', 'a:0', 'a:65536', 'a:b', '::1:6379', 'a:1;b:2'],
  ],
  ['ORCHESTRATOR_REDIS_PASSWORD', 'redisPassword', 'p:@/', 'p:@/', []],
  [
    'ORCHESTRATOR_METRICS_TTL',
    'metricsTtl',
    '60',
    60,
    ['0', '-1', '1.5', 'one', '1e99', 'NaN', 'Infinity', '5s'],
  ],
  ['ORCHESTRATOR_MAX_SERIES', 'maxSeries', '10', 10, ['0', '1000001']],
  [
    'ORCHESTRATOR_GAUGE_AGGREGATION',
    'gaugeAggregation',
    'a.*=max, b = keep',
    [
      { pattern: 'a.*', aggregation: 'max' },
      { pattern: 'b', aggregation: 'keep' },
    ],
    ['a', 'a=', '=max', 'a=median', 'a=max,b'],
  ],
  ['ORCHESTRATOR_IGNORE_PATHS', 'ignorePaths', '/a/*,/b', ['/a/*', '/b'], ['a', '/a,b']],
  ['ORCHESTRATOR_METRICS_PATH', 'metricsPath', '/m', '/m', ['m', '/a b', '/a?b', '/a#b']],
  ['ORCHESTRATOR_TRANSLATION_STRATEGY', 'translationStrategy', 'notranslation', 'NoTranslation', ['none']],
  ['ORCHESTRATOR_SCOPE_INFO', 'scopeInfo', 'false', false, ['no']],
  ['ORCHESTRATOR_WIPE_TOKEN', 'wipeToken', 't', 't', []],
  ['OTEL_SDK_DISABLED', 'sdkDisabled', 'true', true, ['yes']],
  ['OTEL_METRICS_EXPORTER', 'metricsExporter', 'orchestrator, otlp', ['orchestrator', 'otlp'], []],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'otlpProtocol', 'grpc', 'grpc', ['http']],
  ['OTEL_METRIC_EXPORT_INTERVAL', 'metricExportInterval', '100', 100, ['99', '3600001', '5_000']],
  ['OTEL_METRIC_EXPORT_TIMEOUT', 'metricExportTimeout', '50', 50, ['49']],
  ['OTEL_EXPORTER_PROMETHEUS_PORT', 'prometheusPort', '0', 0, ['-1', '65536', '9464.5']],
  ['OTEL_LOG_LEVEL', 'logLevel', 'WARN', 'warn', ['trace']],
];

describe('a variable', () => {
  for (const [variable, setting, text, value, refused] of CASES) {
    test(`${variable}=${text}`, () => {
      const { settings, warnings } = read({ [variable]: text });
      assert.deepEqual(settings[setting], value);
      assert.deepEqual(warnings, []);
      assert.deepEqual({ ...settings, [setting]: defaults[setting] }, defaults);
    });

    for (const wrong of refused) {
      test(`${variable}=${wrong} costs one warning, and the default is used`, () => {
        const { settings, warnings, codes } = read({ [variable]: wrong });
        assert.deepEqual(settings, defaults);
        assert.deepEqual(codes, ['ORCHESTRATOR_SETTING_IGNORED']);
        const [warning = ''] = warnings;
        assert.ok(warning.startsWith(`${variable}=`), warning);
        assert.match(warning, / is not allowed\. Allowed: .+\. Used instead: .+\.$/);
        if (SETTINGS[setting].secret === undefined)
          assert.ok(warning.includes(JSON.stringify(wrong)), warning);
        assert.ok(!warning.includes('`'), warning);
      });
    }
  }

  test('that is empty or blank counts as unset', () => {
    const variables = names.flatMap((name) => SETTINGS[name].env);
    for (const blank of ['', ' ', '\t\n']) {
      const { settings, warnings } = read(Object.fromEntries(variables.map((variable) => [variable, blank])));
      assert.deepEqual(settings, defaults);
      assert.deepEqual(warnings, []);
    }
  });

  test('of several, the first that is set wins', () => {
    const both = { ORCHESTRATOR_REDIS_URL: 'redis://a', REDIS_URL: 'redis://b' };
    assert.equal(read(both).settings.redisUrl, 'redis://a');
    assert.equal(read({ ...both, ORCHESTRATOR_REDIS_URL: '' }).settings.redisUrl, 'redis://b');
  });

  test('belongs to one setting', () => {
    const variables = names.flatMap((name) => SETTINGS[name].env);
    assert.equal(new Set(variables).size, variables.length);
  });
});

describe('an option', () => {
  test('wins over its variable, and is read as the variable would be', () => {
    const options: SettingOptions = {
      prefix: 'mine',
      maxSeries: 7,
      enabled: false,
      redisNodes: [
        { host: '::1', port: 1 },
        { host: 'b', port: 2 },
      ],
      gaugeAggregation: [{ pattern: '*', aggregation: 'avg' }],
      ignorePaths: [],
      logLevel: 'none',
    };
    const { settings, warnings } = read(
      { ORCHESTRATOR_PREFIX: 'theirs', ORCHESTRATOR_MAX_SERIES: 'many' },
      options,
    );
    assert.deepEqual(settings, { ...defaults, ...options });
    assert.deepEqual(warnings, []);
  });

  test('that is undefined leaves the variable its say', () => {
    assert.equal(read({ ORCHESTRATOR_PREFIX: 'theirs' }, { prefix: undefined }).settings.prefix, 'theirs');
  });

  test('that is not allowed throws', () => {
    const wrong: readonly SettingOptions[] = [
      { maxSeries: 0 },
      { metricsTtl: Number.NaN },
      { ignorePaths: ['a'] },
      { prometheusPort: 1.5 },
      { redisUrl: 'http://h' },
    ];
    for (const options of wrong) {
      assert.throws(() => read({}, options), {
        code: 'ORCHESTRATOR_INVALID_SETTING',
        message: new RegExp(`^Option ${Object.keys(options)[0]}: .+ is not allowed\\. Allowed: .+\\.$`),
      });
    }
  });
});

test('every row says what it is, what it allows and what it is without', () => {
  for (const name of names) {
    const row = SETTINGS[name];
    assert.match(row.description, /\.$/, name);
    assert.notEqual(row.kind.allowed, '', name);
    assert.notEqual(defaultText(row), '', name);
    if (row.default === undefined) assert.notEqual(row.defaultText, undefined, name);
  }
});

const holds = (text: string): boolean => /s3cr3t/i.test(text);

describe('secrets', () => {
  /** Long enough that it is not a part of some other word by chance; with everything that breaks a URL. */
  const secret = fc
    .tuple(
      fc.string({ minLength: 1, maxLength: 8 }),
      fc.constantFrom('', '/', '@', '#', '?', ':', '%', '\\', ' ', '1', '12/', '65#'),
    )
    .map(([random, odd]) => `${odd}S3CR3T${random}S3CR3T`);

  test('of a URL are in no warning and no error, however wrong it is', () => {
    const url = fc
      .record({
        scheme: fc.constantFrom(
          'redis://',
          'rediss://',
          'unix://',
          'http://',
          'redis:',
          'redis:/',
          '//',
          '',
          'redis+x://',
        ),
        user: fc.constantFrom('', 'user', 'u@', 'u/'),
        secret,
        encoded: fc.boolean(),
        host: fc.constantFrom('', 'h', 'h:6379', 'h:99999', '[::1]:1', 'h:port', 'h h'),
        tail: fc.constantFrom('', '/0', '/x', '?a=b', '#c', '/0?p=S3CR3T'),
      })
      .map((parts) => {
        const password = parts.encoded ? encodeURIComponent(parts.secret.toWellFormed()) : parts.secret;
        return `${parts.scheme}${parts.user}:${password}@${parts.host}${parts.tail}`;
      });
    fc.assert(
      fc.property(url, (text) => {
        assert.ok(!holds(read({ REDIS_URL: text }).warnings.join()), text);
        try {
          read({}, { redisUrl: text });
        } catch (error) {
          assert.ok(!holds(String(error)), text);
        }
        assert.ok(!holds(withoutCredentials(text)), withoutCredentials(text));
      }),
      { numRuns: 3000 },
    );
  });

  test('of other settings are not shown when they are refused', () => {
    for (const name of names.filter((one) => SETTINGS[one].secret === true)) {
      for (const variable of SETTINGS[name].env)
        assert.ok(!holds(read({ [variable]: 'S3CR3T' }).warnings.join()));
    }
  });

  test('a URL without any is shown as it is', () => {
    for (const url of ['redis://h:6379/1', 'rediss://[::1]:1', 'unix:///run/r.sock', 'http://h/x'])
      assert.equal(withoutCredentials(url), url);
    assert.equal(withoutCredentials('redis://user:pass@h:6379/1?x=y'), 'redis://h:6379/1');
  });
});

describe('a prefix', () => {
  test('becomes a part of a key', () => {
    const cases = {
      'My Shop': 'my_shop',
      'a.b/c:d{e}': 'a_b_c_d_e_',
      '@org/app': '_org_app',
      ' x-1_Y ': 'x-1_y',
      süß: 's__',
    };
    for (const [name, prefix] of Object.entries(cases)) assert.equal(sanitizePrefix(name), prefix);
  });

  test('is refused when nothing is left', () => {
    for (const name of ['', ' ', '---', '日本', '*']) {
      assert.throws(() => sanitizePrefix(name), {
        code: 'ORCHESTRATOR_INVALID_SETTING',
        message: new RegExp(`^ORCHESTRATOR_PREFIX=${JSON.stringify(name).replaceAll('*', '\\*')}`),
      });
    }
  });

  test('is safe and bounded whatever the name is, and stays as it is when it is given again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        let prefix = '';
        try {
          prefix = sanitizePrefix(name);
        } catch {
          return;
        }
        assert.match(prefix, /^[a-z0-9_-]{1,128}$/);
        assert.equal(sanitizePrefix(prefix), prefix);
      }),
    );
  });
});

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
    };
    const env = { pm2_env: JSON.stringify(pm2), OTEL_SERVICE_NAME: 'mine' };
    await withEnvironment(env, () => {
      const { settings, warnings } = read(processEnvironment());
      assert.equal(settings.prefix, 'from-pm2');
      assert.equal(settings.maxSeries, 12);
      assert.equal(settings.scopeInfo, false);
      assert.equal(settings.redisUrl, 'redis://pm2');
      assert.equal(settings.serviceName, 'mine');
      assert.equal(settings.metricsPath, '/metrics');
      assert.equal(processEnvironment()['pm_exec_path'], '/app/main.js');
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
        assert.equal(read(processEnvironment()).settings.redisPassword, undefined);
        await new Promise((resolve) => setImmediate(resolve));
      });
    }
    process.removeListener('warning', listener);
    assert.ok(!told.join().includes('S3CR3T'), told.join());
    assert.match(told.join(), /^ORCHESTRATOR_PM2_ENV_UNREADABLE pm2_env is not a JSON object/);
  });
});
