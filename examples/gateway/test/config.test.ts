import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadConfig, parseConfig } from '../src/config/load-config.js';
import { readSettings } from '../src/settings/read-settings.js';
import { ROOT } from './helpers/gateway-process.js';

const settings = readSettings({
  SERVICE_USER_BASE_URL: 'http://127.0.0.1:1',
  ORCHESTRATOR_RETRY_COUNT: '7',
  ORCHESTRATOR_TIMEOUT_MS: '70',
});
const problem = (text: string): string => {
  try {
    parseConfig(text, 'g.yaml', settings);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};
const route = (more: string): string =>
  `routes:\n  - name: a\n    path: /a\n    upstream: user\n    ${more}\n`;
const flow = (more: string): string =>
  `flows:\n  f:\n    steps:\n      - name: s\n        request: { upstream: user, path: /x }\n        ${more}\n`;

describe('configuration', () => {
  it('of the demo is right', () => {
    const env = { SERVICE_USER_BASE_URL: 'http://127.0.0.1:1', SERVICE_ORDER_BASE_URL: 'http://127.0.0.1:2' };
    const config = loadConfig(join(ROOT, 'gateway.config.yaml'), readSettings(env));
    assert.deepEqual([...config.flows.keys()], ['create-order']);
  });

  it('takes retries and timeout from the environment where a route says nothing', () => {
    const { routes } = parseConfig(
      `${route('methods: [GET]')}  - { name: b, path: /b, upstream: user, timeoutMs: 5, retry: { count: 1 } }\n`,
      'g',
      settings,
    );
    assert.deepEqual(
      routes.map(({ timeoutMs, retry }) => [timeoutMs, retry.count]),
      [
        [70, 7],
        [5, 1],
      ],
    );
  });

  it('may be JSON', () => {
    assert.equal(
      parseConfig('{"routes": [{"name": "a", "path": "/a", "upstream": "user"}]}', 'g.json', settings).routes
        .length,
      1,
    );
  });

  // One error, which names file, line, path, and what is allowed.
  const wrong: ReadonlyArray<readonly [string, string, RegExp]> = [
    ['no YAML', 'routes: [', /^g\.yaml: /],
    [
      'a value of another type',
      route('timeoutMs: soon'),
      /^g\.yaml:5: routes\[0\]\.timeoutMs must be a whole number from 1 to 600000 \(it is "soon"\)$/,
    ],
    [
      'a number out of range',
      route('retry: { count: 99 }'),
      /^g\.yaml:5: routes\[0\]\.retry\.count must be a whole number from 0 to 10 \(it is 99\)$/,
    ],
    [
      'a key that is not known',
      route('timeout: 5'),
      /^g\.yaml:5: routes\[0\]\.timeout is not known: allowed are name, path, methods, upstream/,
    ],
    ['a missing key', 'routes:\n  - name: a\n    path: /a\n', /^g\.yaml:2: routes\[0\] needs upstream$/],
    [
      'a method',
      route('methods: [FETCH]'),
      /^g\.yaml:5: routes\[0\]\.methods\[0\] must be one of GET, HEAD, POST, .* \(it is "FETCH"\)$/,
    ],
    [
      'an upstream that is not there',
      'routes:\n  - { name: a, path: /a, upstream: nobody }\n',
      /^g\.yaml:2: routes\[0\]\.upstream "nobody" is not known: allowed are user$/,
    ],
    [
      'an upstream without targets',
      'upstreams: { other: {} }\n',
      /^g\.yaml:1: upstreams\.other needs targets, or SERVICE_OTHER_BASE_URL in the environment$/,
    ],
    [
      'a URL',
      'upstreams: { other: { targets: [{ url: "ftp://x" }] } }\n',
      /upstreams\.other\.targets\[0\]\.url has the scheme "ftp:"/,
    ],
    [
      'a path of the gateway',
      'routes:\n  - { name: a, path: /health, upstream: user }\n',
      /routes\[0\]\.path is answered by the gateway itself/,
    ],
    [
      'a path that is none',
      'routes:\n  - { name: a, path: /a*b, upstream: user }\n',
      /routes\[0\]\.path has the part "a\*b": allowed are plain text, :name, and \* at the end$/,
    ],
    ['a rewrite', route('rewrite: /x/:id'), /routes\[0\]\.rewrite has :id, which path does not have$/],
    [
      'a second route for the same',
      `${route('methods: [GET]')}  - { name: b, path: /a, upstream: user, methods: [GET] }\n`,
      /routes\[1\] has GET \/a, which an earlier route has as well$/,
    ],
    [
      'authentication that is not set up',
      route('access: { any: [jwt] }'),
      /routes\[0\]\.access\.any names jwt, but auth has no jwt$/,
    ],
    ['an expression', flow('when: "payload.("'), /^g\.yaml:6: flows\.f\.steps\[0\]\.when is no JSONata: /],
    [
      'an expression in a body',
      flow('compensate: { upstream: user, path: /u, body: { a: ["{% $x( %}"] } }'),
      /flows\.f\.steps\[0\]\.compensate\.body\.a\[0\] is no JSONata: /,
    ],
    [
      'a step',
      flow('retries: 3'),
      /flows\.f\.steps\[0\]\.retries is not known: allowed are name, when, request/,
    ],
    [
      'two steps of one name',
      `${flow('')}      - name: s\n        request: { upstream: user, path: /x }\n`,
      /flows\.f\.steps has two steps with the name "s"$/,
    ],
    [
      'a schema',
      'flows:\n  f:\n    input: { type: thing }\n    steps: [{ name: s, request: { upstream: user, path: /x } }]\n',
      /flows\.f\.input is no JSON schema: /,
    ],
  ];
  for (const [what, text, expected] of wrong)
    it(`is refused for ${what}`, () => {
      assert.match(problem(text), expected);
    });

  it('that is not there is an error that names GATEWAY_CONFIG', () => {
    assert.throws(
      () => loadConfig('/nowhere.yaml', settings),
      /\/nowhere\.yaml cannot be read: .*GATEWAY_CONFIG names the file/,
    );
  });
});
