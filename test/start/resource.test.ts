import assert from 'node:assert/strict';
import { test } from 'node:test';

import { baseResource } from '../../src/start/resource.js';

test('the resource names the process that reports, and no command line', () => {
  const { attributes } = baseResource('shop', 'a-lease');
  assert.equal(attributes['service.name'], 'shop');
  assert.equal(attributes['service.instance.id'], 'a-lease');
  assert.equal(attributes['telemetry.distro.name'], '@org/orchestrator');
  assert.equal(attributes['process.pid'], process.pid);
  assert.ok(!Object.keys(attributes).some((key) => key.includes('command') || key.includes('args')));
});
