import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { Client } from 'pg';

import { eventually } from '../local/daemon.js';
import { ROOT } from '../local/instance.js';

/** `npm start` as a stranger runs it, and the commands with what it prints. */
let up: ChildProcess;
let printed = '';

before(
  async () => {
    up = spawn(process.execPath, [join(ROOT, 'dist/local/up.js')], { stdio: ['ignore', 'pipe', 'pipe'] });
    up.stdout?.setEncoding('utf8').on('data', (text: string) => (printed += text));
    up.stderr?.setEncoding('utf8').on('data', (text: string) => (printed += text));
    await eventually(async () => {
      assert.equal(up.exitCode, null, printed);
      assert.match(printed, /^Ctrl\+C ends everything\.$/m);
    }, 120);
  },
  { timeout: 150_000 },
);
// Its own end takes what it has started with it.
after(async () => {
  if (up.exitCode !== null || up.signalCode !== null) return;
  const gone = once(up, 'close');
  up.kill('SIGTERM');
  await gone;
});

/** The first group of what was printed. */
function found(pattern: RegExp): string {
  const [, text] = pattern.exec(printed) ?? [];
  assert.ok(text !== undefined, `${pattern.source} is not in:\n${printed}`);
  return text;
}

async function run(
  program: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { env: { ...process.env, ...env } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`, { cause: error }));
    });
  });
}

const command = async (
  name: string,
  args: readonly string[],
  env?: Record<string, string>,
): Promise<string> => run(process.execPath, [join(ROOT, `dist/src/cli/${name}.js`), ...args], env);

const variables = (): Record<string, string> =>
  Object.fromEntries(
    found(/^(DB_HOST=.*)$/m)
      .split(' ')
      .map((pair) => pair.split('=') as [string, string]),
  );

test('the call that npm start prints works', async () => {
  const answer = JSON.parse(await run('sh', ['-c', found(/^(curl .*)$/m)])) as Record<string, unknown>;
  assert.deepEqual([answer['balance'], answer['currency'], answer['stale']], [1000, 'EUR', false]);
});

test('npm run seed makes users with money, whose keys work', async () => {
  const api = found(/^API +(\S+),/m);
  const lines = (await command('seed', ['2', api])).trim().split('\n');
  const users = lines.map((line) => JSON.parse(line) as { id: number; key: string });
  assert.equal(users.length, 2);
  for (const { id, key } of users) {
    const response = await fetch(`${api}/api/balances?user_id=${id}`, { headers: { 'x-api-key': key } });
    assert.equal(((await response.json()) as { balance: number }).balance, 1000);
  }
});

test('npm run load answers every call at an instance, and says so when nginx limits it', async () => {
  const load = async (url: string): Promise<string> =>
    command('load', ['--url', url, '--seconds', '1', '--connections', '4']);
  const direct = await load(found(/^npm run load -- --url (\S+)$/m));
  const rows = direct.split('\n').filter((line) => /^\| (?:GET|POST) /.test(line));
  assert.equal(rows.length, 4, direct);
  for (const row of rows) {
    const [ok = 0, ...failed] = row.split('|').slice(5, 9).map(Number);
    assert.ok(ok > 0, direct);
    assert.deepEqual(failed, [0, 0, 0], direct);
  }
  assert.doesNotMatch(direct, /429/);
  const limited = await load(found(/^API +(\S+),/m));
  assert.match(limited, /^nginx refused [1-9]\d* of them with 429/m);
});

test('npm run migrate brings an empty database to the newest version, once', async () => {
  const env = variables();
  const client = new Client({
    host: env['DB_HOST'],
    port: Number(env['DB_PORT']),
    user: env['DB_USER'],
    database: 'postgres',
  });
  await client.connect();
  await client.query('CREATE DATABASE empty');
  await client.end();
  assert.equal(await command('migrate', [], { ...env, DB_NAME: 'empty' }), 'Ran 1 migration.\n');
  assert.equal(await command('migrate', [], { ...env, DB_NAME: 'empty' }), 'Nothing to migrate.\n');
  assert.equal(await command('migrate', [], env), 'Nothing to migrate.\n');
});

test('Ctrl+C ends everything with code 0 and leaves nothing behind', async () => {
  const dir = found(/^logs +(\S+)$/m);
  assert.ok(existsSync(dir));
  const gone = once(up, 'close');
  up.kill('SIGINT');
  assert.deepEqual(await gone, [0, null], printed);
  assert.equal(existsSync(dir), false);
  await assert.rejects(fetch(`${found(/^API +(\S+),/m)}/health`));
});
