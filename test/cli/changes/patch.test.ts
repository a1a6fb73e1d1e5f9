import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { applyChange, textOfFile } from '../../../src/cli/changes/file-change.js';
import { patchOf } from '../../../src/cli/changes/patch.js';
import { CommandError } from '../../../src/cli/exit-codes.js';
import { scratchDir } from '../../helpers/scratch.js';

const why = 'For a test.';

test('of a file with passwords only what is added is shown, whether its last line ends or not', () => {
  for (const end of ['', '\n']) {
    const before = `A=1\nDB_URL=postgres://u:hunter2@db/shop\nKEY="-----BEGIN\nhunter2\n-----END"${end}`;
    const patch = patchOf({
      path: '.env',
      before,
      after: `${before}${end}\n# Name\nB=2\n`,
      why,
      secret: true,
    });
    assert.doesNotMatch(patch, /hunter2|A=1|BEGIN/);
    assert.match(patch, /^\+B=2$/m);
  }
  const replaced = patchOf({ path: 'acl.txt', before: 'on >hunter2\n', after: 'on >x\n', why, secret: true });
  assert.match(replaced, /^-\(hidden\)$/m);
  assert.match(replaced, /^\+on >x$/m);
});

test('of any other file values that are called secret, and passwords in addresses, are hidden', () => {
  const before = [
    'module.exports = { apps: [{',
    "  env: { DB_PASSWORD: 'hunter2', API_KEY: 'hunter3', PORT: '80', REDIS: 'redis://me:hunter4@host/0' },",
    "  script: 'app.js',",
    '}] };',
    '',
  ].join('\n');
  const after = before.replace("'app.js'", "'app.js', node_args: '--require @org/orchestrator/register'");
  const patch = patchOf({ path: 'ecosystem.config.js', before, after, why });
  assert.doesNotMatch(patch, /hunter/);
  assert.match(
    patch,
    /DB_PASSWORD: \(hidden\), API_KEY: \(hidden\), PORT: '80', REDIS: 'redis:\/\/me:\(hidden\)@host\/0'/,
  );
  assert.match(patch, /^\+ {2}script: 'app\.js', node_args: '--require @org\/orchestrator\/register',$/m);
});

test('a link stays one, and what it leads to is replaced', (t) => {
  const folder = scratchDir(t, 'change');
  writeFileSync(join(folder, 'shared.env'), 'A=1\n');
  symlinkSync('shared.env', join(folder, '.env'));
  applyChange(folder, { path: '.env', before: 'A=1\n', after: 'A=1\nB=2\n', why }, []);
  assert.ok(lstatSync(join(folder, '.env')).isSymbolicLink());
  assert.equal(readFileSync(join(folder, 'shared.env'), 'utf8'), 'A=1\nB=2\n');
  assert.equal(readFileSync(join(folder, '.env.before-orchestrator'), 'utf8'), 'A=1\n');
});

test('a file that cannot be written is named, with what was written before it', (t) => {
  const folder = scratchDir(t, 'change');
  writeFileSync(join(folder, 'orchestrator'), 'no folder');
  const change = { path: 'orchestrator/prometheus.yml', before: undefined, after: 'x', why };
  assert.throws(
    () => applyChange(folder, change, ['package.json']),
    (error: unknown) => {
      assert.ok(error instanceof CommandError);
      assert.equal(error.ending, 'cannotWrite');
      assert.match(
        error.message,
        /orchestrator\/prometheus\.yml cannot be written: .*(?:EEXIST|ENOTDIR).*\. It was not created\. Written before it: package\.json\.$/,
      );
      return true;
    },
  );
  assert.equal(readFileSync(join(folder, 'orchestrator'), 'utf8'), 'no folder');
  mkdirSync(join(folder, '.env'));
  assert.throws(
    () => textOfFile(folder, '.env'),
    (error: unknown) => error instanceof CommandError && /\.env cannot be read: .*EISDIR/.test(error.message),
  );
});
