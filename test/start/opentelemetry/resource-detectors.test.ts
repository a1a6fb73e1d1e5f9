import assert from 'node:assert/strict';
import { test } from 'node:test';

import { resourceDetectors } from '../../../src/start/opentelemetry/resource-detectors.js';
import { Warnings } from '../../helpers/warnings.js';

test('a detector that does not exist is left out, and one warning names those that do', () => {
  const { warn, messages, codes } = new Warnings();
  assert.equal(resourceDetectors(['env', 'aws', 'host'], warn).length, 2);
  assert.deepEqual(codes, ['ORCHESTRATOR_DETECTOR_UNKNOWN']);
  assert.match(messages[0] ?? '', /"aws" is not known\. Allowed: env, host, .*all, none\./);
});

test('without a name, and with `all` or `none`, nothing is said', () => {
  const { warn, messages } = new Warnings();
  assert.equal(resourceDetectors([], warn).length, 2);
  assert.ok(resourceDetectors(['all'], warn).length > 2);
  assert.deepEqual(resourceDetectors(['none'], warn), []);
  assert.deepEqual(messages, []);
});
