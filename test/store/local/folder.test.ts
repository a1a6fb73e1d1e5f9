import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';

import { defaultLocalDirectory, prepareLocalFolder } from '../../../src/store/local/folder.js';

const refused = (why: RegExp) => ({
  name: 'OrchestratorError',
  code: 'ORCHESTRATOR_STORE_REFUSED',
  message: why,
});

describe('the folder of the local store', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(path.join(tmpdir(), 'local-folder-'));
  });
  afterEach(() => {
    rmSync(base, { recursive: true, force: true });
  });

  test('is created for its owner alone, one for each prefix', () => {
    const [one, two] = ['one', 'two'].map((prefix) =>
      prepareLocalFolder(path.join(base, 'deep', 'er'), prefix),
    );
    assert.equal(one, path.join(base, 'deep', 'er', 'one'));
    assert.notEqual(one, two);
    assert.equal(lstatSync(one).mode & 0o777, 0o700);
    assert.equal(prepareLocalFolder(path.join(base, 'deep', 'er'), 'one'), one);
  });

  test('lies by default in a folder of this user in the folder for temporary files', () => {
    assert.match(defaultLocalDirectory(), /orchestrator-\w+$/);
    assert.equal(path.dirname(defaultLocalDirectory()), tmpdir());
  });

  test('is refused when it is a link, a file, or open to all users', () => {
    mkdirSync(path.join(base, 'target'), { mode: 0o700 });
    symlinkSync(path.join(base, 'target'), path.join(base, 'link'));
    assert.throws(
      () => prepareLocalFolder(base, 'link'),
      refused(/link: it is a link.*ORCHESTRATOR_LOCAL_DIR/),
    );
    assert.throws(() => prepareLocalFolder(path.join(base, 'link'), 'p'), refused(/it is a link/));
    assert.deepEqual(readdirSync(path.join(base, 'target')), [], 'nothing is made behind the link');
    writeFileSync(path.join(base, 'file'), '');
    assert.throws(() => prepareLocalFolder(base, 'file'), refused(/cannot use .*file/));
    assert.throws(() => prepareLocalFolder(path.join(base, 'file'), 'p'), refused(/cannot use .*p: EEXIST/));
    mkdirSync(path.join(base, 'open'));
    chmodSync(path.join(base, 'open'), 0o777);
    assert.throws(() => prepareLocalFolder(base, 'open'), refused(/all users may write/));
  });

  for (const [whom, mode] of [
    ['readers', 0o755],
    ["a group, as by Kubernetes' fsGroup", 0o2770],
  ] as const) {
    test(`is closed to ${whom}`, () => {
      mkdirSync(path.join(base, 'open'));
      chmodSync(path.join(base, 'open'), mode);
      assert.equal(lstatSync(prepareLocalFolder(base, 'open')).mode & 0o7777, 0o700);
    });
  }

  test('is not made behind a link in the place of the default directory', (t) => {
    mkdirSync(path.join(base, 'elsewhere'));
    const before = process.env['TMPDIR'];
    t.after(() => {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
    });
    process.env['TMPDIR'] = base;
    symlinkSync(path.join(base, 'elsewhere'), defaultLocalDirectory());
    assert.throws(() => prepareLocalFolder(undefined, 'shop'), refused(/it is a link/));
    assert.deepEqual(readdirSync(path.join(base, 'elsewhere')), []);
  });

  test('is refused when it belongs to another user, even for root', () => {
    const own = process.getuid?.();
    mkdirSync(path.join(base, 'theirs'), { mode: 0o700 });
    // Only root can give a folder away; for everyone else the system's own root folder is somebody else's.
    const [directory, prefix] = own === 0 ? [base, 'theirs'] : ['/', 'usr'];
    if (own === 0) chownSync(path.join(base, 'theirs'), 12_345, 12_345);
    assert.throws(
      () => prepareLocalFolder(directory, prefix),
      refused(/belongs to user \d+, and this process runs as \d+/),
    );
  });
});
