import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { applicationOf, findPackage } from '../../../src/instrumentation/packages/installed-package.js';
import { scratchDir } from '../../helpers/scratch.js';

function files(t: TestContext, contents: Readonly<Record<string, string>>): string {
  const root = scratchDir(t, 'packages');
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

describe('what an application declares', () => {
  test('stands in the nearest package.json that has a name or declares something, its type in the nearest of all', (t) => {
    const root = files(t, {
      'package.json': '{"name": "shop", "dependencies": {"redis": "*"}}',
      'dist/package.json': '{"type": "module"}',
      'nameless/package.json': '{"dependencies": {"pg": "*"}}',
      'named/package.json': '{"name": "api"}',
    });
    const declared = (path: string): [string[], boolean] => {
      const { dependencies, isEsm } = applicationOf(join(root, path));
      return [[...dependencies], isEsm];
    };
    assert.deepEqual(declared('app.js'), [['redis'], false]);
    assert.deepEqual(declared('dist/app.js'), [['redis'], true]);
    assert.deepEqual(declared('dist/app.cjs'), [['redis'], false]);
    assert.deepEqual(declared('nameless/app.mjs'), [['pg'], true]);
    assert.deepEqual(declared('named/app.js'), [[], false]);
  });
});

describe('a package is found', () => {
  test('in node_modules, from the file that would load it', (t) => {
    const root = files(t, {
      'node_modules/redis/package.json': '{"name": "redis", "version": "1.2.3", "exports": {}}',
      'src/app.js': '',
    });
    const found = findPackage('redis', join(root, 'src/app.js'));
    assert.equal(found?.directory, join(root, 'node_modules/redis'));
    assert.equal(found?.manifest['version'], '1.2.3');
    assert.equal(findPackage('nothing-of-that-name', join(root, 'src/app.js')), undefined);
  });

  test("where Yarn's Plug'n'Play has it, which knows what the application declares", (t) => {
    const root = files(t, { 'cache/redis/package.json': '{"name": "redis", "version": "1.2.3"}' });
    const api = {
      resolveToUnqualified(request: string): string {
        if (request === 'redis') return join(root, 'cache/redis');
        throw new Error(`the application tried to access ${request}, but it is not declared`);
      },
    };
    Reflect.set(Module, 'findPnpApi', () => api);
    t.after(() => Reflect.deleteProperty(Module, 'findPnpApi'));
    assert.equal(findPackage('redis', join(root, 'app.js'))?.manifest['version'], '1.2.3');
    assert.equal(findPackage('pg', join(root, 'app.js')), undefined);
  });
});
