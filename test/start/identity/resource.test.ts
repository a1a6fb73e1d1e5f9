import assert from 'node:assert/strict';
import { test } from 'node:test';

import { detectResources, hostDetector as upstream } from '@opentelemetry/resources';

import { baseResource, hostDetector } from '../../../src/start/identity/resource.js';

test('the resource names the process that reports, and no command line', () => {
  const { attributes } = baseResource('shop', 'a-lease');
  assert.equal(attributes['service.name'], 'shop');
  assert.equal(attributes['service.instance.id'], 'a-lease');
  assert.equal(attributes['telemetry.distro.name'], '@org/orchestrator');
  assert.equal(attributes['process.pid'], process.pid);
  assert.equal(attributes['pm2.id'], undefined);
  assert.equal(baseResource('shop', 'a-lease', '3').attributes['pm2.id'], '3');
  assert.ok(!Object.keys(attributes).some((key) => key.includes('command') || key.includes('args')));
});

test('the host is described as OpenTelemetry describes it', async () => {
  const expected = detectResources({ detectors: [upstream] });
  await expected.waitForAsyncAttributes?.();
  const { attributes } = detectResources({ detectors: [hostDetector] });
  for (const [key, value] of Object.entries(expected.attributes))
    if (value !== undefined && value !== '') assert.equal(attributes[key], value, key);
});
