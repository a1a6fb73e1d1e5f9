import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, test } from 'node:test';

import { baseResource, serviceNameOf } from '../../src/start/resource.js';
import { scratchDir } from '../helpers/scratch.js';

const before = {
  name: process.env['OTEL_SERVICE_NAME'],
  attributes: process.env['OTEL_RESOURCE_ATTRIBUTES'],
};
afterEach(() => {
  for (const [variable, value] of [
    ['OTEL_SERVICE_NAME', before.name],
    ['OTEL_RESOURCE_ATTRIBUTES', before.attributes],
  ] as const) {
    if (value === undefined) Reflect.deleteProperty(process.env, variable);
    else process.env[variable] = value;
  }
});

describe('the service name', () => {
  test('is what is configured, else that of the resource attributes, else that of the nearest package.json', (t) => {
    const root = scratchDir(t, 'service');
    mkdirSync(join(root, 'dist', 'broken'), { recursive: true });
    writeFileSync(join(root, 'package.json'), '{"name": "@org/shop"}');
    writeFileSync(join(root, 'dist', 'package.json'), '{"type": "commonjs"}');
    writeFileSync(join(root, 'dist', 'broken', 'package.json'), '{');
    for (const script of ['main.js', 'dist/main.js', 'dist/broken/main.js', 'not/there/main.js'])
      assert.equal(serviceNameOf(undefined, join(root, script)), '@org/shop', script);
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'service.name=from-attributes,a=b';
    assert.equal(serviceNameOf(undefined, join(root, 'main.js')), 'from-attributes');
    assert.equal(serviceNameOf('configured', join(root, 'main.js')), 'configured');
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'no attributes at all';
    assert.equal(serviceNameOf(undefined, join(root, 'main.js')), '@org/shop');
  });

  test('is unknown where there is none', () => {
    assert.equal(serviceNameOf(undefined, '/main.js'), 'unknown_service');
  });
});

test('the resource tells who reports, and no command line', () => {
  const { attributes } = baseResource('shop', 'a-lease');
  assert.equal(attributes['service.name'], 'shop');
  assert.equal(attributes['service.instance.id'], 'a-lease');
  assert.equal(attributes['telemetry.distro.name'], '@org/orchestrator');
  assert.equal(attributes['process.pid'], process.pid);
  assert.ok(!Object.keys(attributes).some((key) => key.includes('command') || key.includes('args')));
});
