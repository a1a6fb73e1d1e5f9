import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SETTINGS } from '../../src/config/settings.js';
import { ERROR_CODES } from '../../src/errors.js';
import { WARNING_TABLE } from '../../src/warnings.js';
import { allPages } from './pages.js';

const KNOWN = new Set([
  ...Object.values(SETTINGS).flatMap(({ env }) => [...env]),
  ...Object.keys(ERROR_CODES),
  ...Object.keys(WARNING_TABLE),
]);

/** `OTEL_EXPORTER_OTLP_*`: at least one setting begins like this. */
function isFamily(name: string): boolean {
  return name.endsWith('_') && [...KNOWN].some((known) => known.startsWith(name));
}

test('every variable and code that a page mentions exists', () => {
  const unknown = allPages().flatMap(({ path, text }) =>
    Array.from(text.matchAll(/\b(?:ORCHESTRATOR|OTEL)_[A-Z0-9_]*/g), ([name]) => name)
      .filter((name) => !KNOWN.has(name) && !isFamily(name))
      .map((name) => `${path}: ${name}`),
  );
  assert.deepEqual([...new Set(unknown)], []);
});
