import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { copyStack } from './stack-folder.js';

interface Run {
  readonly status: number | null;
  readonly stderr: string;
}

function generate(folder: string, ...profile: readonly string[]): Run {
  const { status, stderr } = spawnSync('./generate-env.sh', profile, { cwd: folder, encoding: 'utf8' });
  return { status, stderr };
}

/** The names and values of .env.generated, as a shell reads them. */
function generated(folder: string): Map<string, string> {
  const { stdout, status } = spawnSync('sh', ['-c', 'set -a; . ./.env.generated; env -0'], {
    cwd: folder,
    encoding: 'utf8',
    env: {},
  });
  assert.equal(status, 0);
  return new Map(
    stdout
      .split('\0')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
  );
}

test('later layers win: base, profile, local', (t) => {
  const folder = copyStack(t);
  assert.equal(generate(folder, 'gateway').status, 0);
  assert.equal(generated(folder).get('SHOP_REPLICAS'), '3');
  assert.equal(generated(folder).get('STACK_PROFILE'), 'gateway');
  writeFileSync(join(folder, 'env', 'local.env'), '# mine\nSHOP_REPLICAS=7\nGRAFANA_PASSWORD=mine\n');
  assert.equal(generate(folder, 'gateway').status, 0);
  assert.equal(generated(folder).get('SHOP_REPLICAS'), '7');
  assert.equal(generated(folder).get('GRAFANA_PASSWORD'), 'mine');
  assert.equal(generate(folder, 'dev').status, 0);
  assert.equal(generated(folder).get('TRACES_EXPORTER'), '');
});

test('each line tells the layer that it comes from', (t) => {
  const folder = copyStack(t);
  generate(folder, 'gateway');
  const text = readFileSync(join(folder, '.env.generated'), 'utf8');
  assert.match(text, /^SHOP_REPLICAS='3' # env\/gateway\.env$/m);
  assert.match(text, /^LOG_LEVEL='info' # env\/base\.env$/m);
  assert.match(text, /^REDIS_PASSWORD='[A-Za-z0-9]{24}' # env\/secrets\.env$/m);
});

test('secrets are random, stay the same from then on, and are readable by nobody else', (t) => {
  const [folder, other] = [copyStack(t), copyStack(t)];
  generate(folder, 'core');
  generate(other, 'core');
  const first = generated(folder).get('REDIS_PASSWORD');
  assert.match(first ?? '', /^[A-Za-z0-9]{24}$/);
  assert.notEqual(first, generated(folder).get('DATABASE_PASSWORD'));
  assert.notEqual(first, generated(other).get('REDIS_PASSWORD'));
  generate(folder, 'gateway');
  assert.equal(generated(folder).get('REDIS_PASSWORD'), first);
  for (const file of ['.env.generated', 'env/secrets.env'])
    assert.equal(statSync(join(folder, file)).mode % 0o1000, 0o600, file);
});

test('values are taken literally: nothing is expanded or executed', (t) => {
  const folder = copyStack(t);
  const values = {
    SUBSTITUTION: '$(touch executed) `touch executed` ${HOME} $HOME',
    HASH: 'a#b # c',
    EQUALS: 'a=b=c',
    DOUBLE: 'say "hello"',
    BACKSLASH: String.raw`a\nb\\`,
    PERCENT: '100 %s',
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}=${value}`);
  writeFileSync(join(folder, 'env', 'local.env'), `${lines.join('\r\n')}\n`);
  assert.deepEqual(generate(folder, 'dev'), { status: 0, stderr: '' });
  const read = generated(folder);
  for (const [name, value] of Object.entries(values)) assert.equal(read.get(name), value);
  assert.ok(!existsSync(join(folder, 'executed')));
});

for (const [what, text, message] of [
  ['no assignment', 'LOG_LEVEL info', /env\/local\.env:1: not NAME=VALUE: LOG_LEVEL info/],
  ['lower case', 'log_level=info', /env\/local\.env:1: not NAME=VALUE/],
  ['an export', '\nexport LOG_LEVEL=info', /env\/local\.env:2: not NAME=VALUE/],
  ['a name twice', 'LOG_LEVEL=info\nLOG_LEVEL=warn', /env\/local\.env:2: LOG_LEVEL is set twice/],
  ['a quote', "LOG_LEVEL='info'", /env\/local\.env:1: LOG_LEVEL: a quote or a tab/],
  [
    'the profile itself',
    'STACK_PROFILE=dev',
    /STACK_PROFILE is set by this script; take it out of env\/local\.env/,
  ],
] as const) {
  test(`refused with the place: ${what}`, (t) => {
    const folder = copyStack(t);
    generate(folder, 'dev');
    const before = readFileSync(join(folder, '.env.generated'), 'utf8');
    writeFileSync(join(folder, 'env', 'local.env'), `${text}\n`);
    const { status, stderr } = generate(folder, 'dev');
    assert.equal(status, 1);
    assert.match(stderr, message);
    assert.equal(readFileSync(join(folder, '.env.generated'), 'utf8'), before, 'the old file was touched');
  });
}

test('called wrongly: the reason and status 64', (t) => {
  const folder = copyStack(t);
  for (const [args, message] of [
    [[], /which profile/],
    [['staging'], /"staging" is not known: there is no env\/staging\.env/],
    [['../core'], /is not a name/],
    [['base'], /is a layer/],
  ] as const) {
    const { status, stderr } = generate(folder, ...args);
    assert.equal(status, 64);
    assert.match(stderr, message);
  }
  assert.ok(!existsSync(join(folder, '.env.generated')));
});
