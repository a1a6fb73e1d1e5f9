import assert from 'node:assert/strict';
import { tracingChannel } from 'node:diagnostics_channel';
import { mkdirSync, writeFileSync } from 'node:fs';
import Module from 'node:module';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { instrumentFrameworks } from '../../../src/instrumentation/frameworks/frameworks.js';
import { scratchDir } from '../../helpers/scratch.js';

/** An application with one package, in a folder where no other is found. */
function application(t: TestContext, packageName: string): string {
  const folder = scratchDir(t, 'hooks');
  mkdirSync(join(folder, 'node_modules', packageName), { recursive: true });
  writeFileSync(join(folder, 'node_modules', packageName, 'package.json'), '{}');
  return join(folder, 'main.js');
}

const load = (): unknown => Reflect.get(Module, '_load');
/** Node 20 has no channel for what is required: there `Module._load` is wrapped instead. */
const PUBLISHES = Number(process.versions.node.split('.')[0]) >= 22;

describe('hooks into the loading of packages', () => {
  test('none where the application has no package that needs one', (t) => {
    const original = load();
    const running = instrumentFrameworks({ main: application(t, 'redis'), actions: true });
    t.after(() => running.stop());
    assert.equal(load(), original);
    assert.equal(tracingChannel('module.require').hasSubscribers, false);
  });

  test('Fastify publishes its instances, and needs none', (t) => {
    const original = load();
    const running = instrumentFrameworks({ main: application(t, 'fastify') });
    t.after(() => running.stop());
    assert.equal(load(), original);
    assert.equal(tracingChannel('module.require').hasSubscribers, false);
  });

  test('one where it has such a package, and none behind it', (t) => {
    const original = load();
    const running = instrumentFrameworks({ main: application(t, 'express') });
    assert.equal(load() !== original, !PUBLISHES);
    assert.equal(tracingChannel('module.require').hasSubscribers, PUBLISHES);
    running.stop();
    assert.equal(load(), original);
    assert.equal(tracingChannel('module.require').hasSubscribers, false);
  });
});
