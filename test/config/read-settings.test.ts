import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import type { Environment } from '../../src/config/environment.js';
import { readSettings } from '../../src/config/read-settings.js';
import type { SettingOptions } from '../../src/config/setting-options.js';
import { defaultText, withoutCredentials } from '../../src/config/setting-text.js';
import { SETTINGS, type SettingName, type Settings } from '../../src/config/settings.js';
import { OWN_MODES } from '../../src/reader/gauge-aggregation.js';
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
  ['ORCHESTRATOR_PREFIX', 'prefix', ' My Shop ', 'My Shop', ['***', '日本']],
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
  ['ORCHESTRATOR_CREATED_SERIES', 'createdSeries', 'false', false, ['no']],
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

  test('that is a list may be text, as its variable has it', () => {
    const text: SettingOptions = {
      gaugeAggregation: 'queue.*=max',
      redisNodes: 'h:26379',
      ignorePaths: '/a,/b',
      httpBuckets: '0.1,1',
      httpMetricNames: 'prometheus-net',
      metricsExporter: 'orchestrator,otlp',
    };
    const lists: SettingOptions = {
      gaugeAggregation: [{ pattern: 'queue.*', aggregation: 'max' }],
      redisNodes: [{ host: 'h', port: 26_379 }],
      ignorePaths: ['/a', '/b'],
      httpBuckets: [0.1, 1],
      httpMetricNames: ['prometheus-net'],
      metricsExporter: ['orchestrator', 'otlp'],
    };
    assert.deepEqual(read({}, text).settings, { ...defaults, ...lists });
    assert.deepEqual(read({}, lists).settings, { ...defaults, ...lists });
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
      { prefix: '***' },
      { gaugeAggregation: 'queue.*=most' },
    ];
    for (const options of wrong) {
      assert.throws(() => read({}, options), {
        code: 'ORCHESTRATOR_INVALID_SETTING',
        message: new RegExp(`^Option ${Object.keys(options)[0]}: .+ is not allowed\\. Allowed: .+\\.$`),
      });
    }
  });
});

test('the configuration row of gauges names the built-in rules that a glob of yours overrides', () => {
  const shown = defaultText(SETTINGS.gaugeAggregation);
  for (const [name, mode] of OWN_MODES) assert.ok(shown.includes(`${name}=${mode}`), shown);
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

  test('that stand where a host, a port or the number of a database should are not shown', () => {
    for (const [variable, value] of [
      ['ORCHESTRATOR_REDIS_NODES', 'redis://:S3CR3T@127.0.0.1:26379,redis://:S3CR3T@127.0.0.1:26380'],
      ['ORCHESTRATOR_REDIS_NODES', 'shop:S3CR3T@127.0.0.1:7000'],
      ['ORCHESTRATOR_REDIS_NODES', '127.0.0.1:26379,127.0.0.1:26380:S3CR3T'],
      ['ORCHESTRATOR_REDIS_URL', 'redis://127.0.0.1:1/0/S3CR3T'],
      ['REDIS_URL', 'redis://127.0.0.1:1/S3CR3T'],
    ] as const) {
      const [warning = ''] = read({ [variable]: value }).warnings;
      assert.match(warning, new RegExp(`^${variable}=.*\\(hidden\\).* is not allowed`));
      assert.ok(!warning.includes('S3CR3T'), warning);
    }
    const [shown = ''] = read({ ORCHESTRATOR_REDIS_NODES: '10.0.0.1, [::1]:7000,h:70000' }).warnings;
    assert.match(shown, /^ORCHESTRATOR_REDIS_NODES="10\.0\.0\.1, \[::1\]:7000,h:70000" is not allowed/);
  });

  test('a URL without any is shown as it is', () => {
    for (const url of ['redis://h:6379/1', 'rediss://[::1]:1', 'unix:///run/r.sock'])
      assert.equal(withoutCredentials(url), url);
    assert.equal(withoutCredentials('redis://user:pass@h:6379/1?x=y'), 'redis://h:6379/1');
  });
});
