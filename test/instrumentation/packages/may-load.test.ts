import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { mayLoad } from '../../../src/instrumentation/packages/may-load.js';
import { scratchDir } from '../../helpers/scratch.js';

/** A folder with some files. */
function application(t: TestContext, files: Record<string, unknown>): string {
  const folder = scratchDir(t, 'may-load');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), JSON.stringify(content));
  }
  return join(folder, 'main.js');
}

const NAMES = ['express', '@hapi/hapi'];
const manifest = (dependencies: Record<string, string>): Record<string, unknown> => ({
  'package.json': { name: 'shop', dependencies },
});

const APPLICATIONS: Record<string, { files: Record<string, unknown>; expected: boolean }> = {
  'nothing at all': { files: {}, expected: false },
  'other packages': {
    files: { ...manifest({ redis: '^5' }), 'node_modules/redis/package.json': {} },
    expected: false,
  },
  'the package': { files: { 'node_modules/express/package.json': {} }, expected: true },
  'one with a scope': { files: { 'node_modules/@hapi/hapi/package.json': {} }, expected: true },
  'under another name': {
    files: { ...manifest({ web: 'npm:express@^4' }), 'node_modules/web/package.json': {} },
    expected: true,
  },
  'a link to another folder': { files: manifest({ web: 'file:../web' }), expected: true },
  'within another package, as npm lists it': {
    files: {
      'node_modules/web/package.json': {},
      'node_modules/.package-lock.json': { packages: { 'node_modules/web/node_modules/express': {} } },
    },
    expected: true,
  },
  'a list of npm without it': {
    files: { 'node_modules/.package-lock.json': { packages: { 'node_modules/express-like': {} } } },
    expected: false,
  },
  'pnpm, as a package of a package': {
    files: { 'node_modules/.pnpm/node_modules/express/package.json': {} },
    expected: true,
  },
  'pnpm, without it': {
    files: { 'node_modules/.pnpm/node_modules/redis/package.json': {} },
    expected: false,
  },
  'pnpm that hoists nothing: nobody knows': {
    files: { 'node_modules/.pnpm/lock.yaml': {} },
    expected: true,
  },
};

for (const [name, { files, expected }] of Object.entries(APPLICATIONS)) {
  test(`${name}: ${expected}`, (t) => assert.equal(mayLoad(NAMES, application(t, files)), expected));
}

test('a tool that is installed: nobody knows what is beside it', (t) => {
  const main = application(t, { 'node_modules/tool/main.js': {} });
  assert.equal(mayLoad(NAMES, join(dirname(main), 'node_modules', 'tool', 'main.js')), true);
});

test('without a main file the working directory counts', () => {
  // This repository, which has Express.
  assert.equal(mayLoad(['express'], undefined), true);
  assert.equal(mayLoad(['no-such-package'], undefined), false);
});
