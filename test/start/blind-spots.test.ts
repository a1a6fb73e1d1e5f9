import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';

import { warnOfBlindSpots } from '../../src/start/blind-spots.js';
import type { MainFile } from '../../src/start/identity/main-file.js';
import { scratchDir } from '../helpers/scratch.js';

const { versions } = process;
afterEach(() => void Object.defineProperty(process, 'versions', { value: versions }));

function codes(from: string, kind: MainFile['kind'] = 'own'): unknown[] {
  const found: unknown[] = [];
  warnOfBlindSpots({ kind, from, before: undefined }, (_message, code) => found.push(code));
  return found;
}

test('a bundle is told from a file that somebody wrote, however long', (t) => {
  const root = scratchDir(t, 'bundles');
  const file = (name: string, text: string): string => {
    writeFileSync(join(root, name), text);
    return join(root, name);
  };
  const filler = 'const answer = 42;\n'.repeat(10_000);
  assert.deepEqual(codes(file('esbuild.cjs', `var __commonJS = 0;\n${filler}`)), ['ORCHESTRATOR_BUNDLE']);
  assert.deepEqual(codes(file('webpack.js', `var __webpack_modules__ = {};\n${filler}`)), [
    'ORCHESTRATOR_BUNDLE',
  ]);
  assert.deepEqual(codes(file('minified.mjs', filler.replaceAll('\n', ''))), ['ORCHESTRATOR_BUNDLE']);
  assert.deepEqual(codes(file('by-hand.js', filler)), []);
  assert.deepEqual(codes(file('small.js', 'var __commonJS = 0;')), []);
  assert.deepEqual(codes(join(root, 'nothing.js')), []);
  assert.deepEqual(codes(join(root, 'esbuild.cjs'), 'installed'), []);
});

test("under Plug'n'Play before Node 22 an ES module with Hono is told that its routes are missing", (t) => {
  const root = scratchDir(t, 'pnp');
  writeFileSync(join(root, 'package.json'), '{"name": "shop", "dependencies": {"hono": "4"}}');
  const run = (node: string, pnp: string | undefined, main: string): unknown[] => {
    Object.defineProperty(process, 'versions', { value: { ...versions, node, pnp } });
    return codes(join(root, main));
  };
  assert.deepEqual(run('20.19.0', '3', 'app.mjs'), ['ORCHESTRATOR_LOADER']);
  assert.deepEqual(run('22.15.0', '3', 'app.mjs'), []);
  assert.deepEqual(run('20.19.0', undefined, 'app.mjs'), []);
  assert.deepEqual(run('20.19.0', '3', 'app.cjs'), []);
});

test('an application whose copy of the API is newer than ours is told that it is not heard', (t) => {
  const root = scratchDir(t, 'apis');
  const api = join(root, 'node_modules', '@opentelemetry', 'api');
  mkdirSync(api, { recursive: true });
  const run = (version: string): unknown[] => {
    writeFileSync(join(api, 'package.json'), JSON.stringify({ name: '@opentelemetry/api', version }));
    return codes(join(root, 'app.cjs'));
  };
  assert.deepEqual(run('1.99.0'), ['ORCHESTRATOR_NEWER_API']);
  assert.deepEqual(run('1.8.0'), []);
  assert.deepEqual(codes(join(scratchDir(t, 'no-api'), 'app.cjs')), []);
});
