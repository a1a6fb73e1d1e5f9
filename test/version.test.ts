import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

import { version } from '../src/version.js';
import { PACKAGE_ROOT, scratchDir } from './helpers/scratch.js';

test('the version is that of package.json, and unknown in a bundle', (t) => {
  const manifest = JSON.parse(readFileSync(join(PACKAGE_ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  assert.equal(version, manifest.version);
  const root = scratchDir(t, 'bundle');
  const require = createRequire(join(root, 'main.js'));
  const bundled = (folder: string): unknown => {
    const file = join(root, folder, 'build/server/version.js');
    mkdirSync(join(root, folder, 'build/server'), { recursive: true });
    cpSync(join(PACKAGE_ROOT, 'dist/src/version.js'), file);
    return (require(file) as { version: unknown }).version;
  };
  assert.equal(bundled('nothing-there'), 'unknown');
  mkdirSync(join(root, 'shop'));
  writeFileSync(join(root, 'shop', 'package.json'), '{"name": "shop", "version": "7.0.0"}');
  assert.equal(bundled('shop'), 'unknown');
});
