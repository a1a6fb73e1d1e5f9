import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
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

  test('is refused when it is a link, a file, or open to other writers', () => {
    mkdirSync(path.join(base, 'target'), { mode: 0o700 });
    symlinkSync(path.join(base, 'target'), path.join(base, 'link'));
    assert.throws(
      () => prepareLocalFolder(base, 'link'),
      refused(/link: it is a link.*ORCHESTRATOR_LOCAL_DIR/),
    );
    assert.throws(() => prepareLocalFolder(path.join(base, 'link'), 'p'), refused(/it is a link/));
    writeFileSync(path.join(base, 'file'), '');
    assert.throws(() => prepareLocalFolder(base, 'file'), refused(/cannot use .*file/));
    assert.throws(() => prepareLocalFolder(path.join(base, 'file'), 'p'), refused(/cannot use .*p: ENOTDIR/));
    mkdirSync(path.join(base, 'open'));
    chmodSync(path.join(base, 'open'), 0o777);
    assert.throws(() => prepareLocalFolder(base, 'open'), refused(/other users may write/));
  });

  test('is closed to readers if it was open to them', () => {
    mkdirSync(path.join(base, 'read'), { mode: 0o755 });
    assert.equal(lstatSync(prepareLocalFolder(base, 'read')).mode & 0o777, 0o700);
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
