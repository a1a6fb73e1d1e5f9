import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { eventually } from '../dev/eventually.js';
import { createLog } from '../src/log/log.js';
import { readSettings } from '../src/settings/settings.js';

test('errors have a log of their own; both are rotated, compressed, and seven of each are kept', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'daily-log-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const settings = readSettings({ LOG_DIR: dir, LOG_ROTATION: '1K' });
  assert.equal(settings.LOG_FILES, 7);
  const log = createLog('daily-orchestrator', settings, false);
  const rotated = (): string[] =>
    readdirSync(dir).filter((name) => name.includes('error') && name.endsWith('.gz'));
  for (let line = 0; line < 60; line++) {
    log.info({ line }, 'all is well');
    log.error({ line, text: 'x'.repeat(200) }, 'something broke');
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await eventually(() => assert.equal(rotated().length, 7));
  await eventually(() => {
    const text = gunzipSync(readFileSync(join(dir, rotated()[0] ?? ''))).toString();
    assert.match(text, /something broke/);
    assert.doesNotMatch(text, /all is well/);
  });
  // While a file is rotated there is none of its name.
  await eventually(() => assert.ok(readdirSync(dir).includes('daily-orchestrator.log')));
});
