import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ROOT } from '../dev/application.js';
import { STEPS } from '../src/workflow/steps.js';
import { readSettings, SETTINGS, SettingsError } from '../src/settings/settings.js';

test('defaults are those of the document: 02:00, 30 s, 30, 60 and 90 minutes', () => {
  const settings = readSettings({});
  assert.equal(settings.SCHEDULE_HOUR, 2);
  assert.equal(settings.SCHEDULE_MINUTE, 0);
  assert.equal(settings.CHECK_INTERVAL, 30_000);
  assert.equal(settings.LIMIT_ALLIANCE_INFO, 30 * 60_000);
  assert.equal(settings.LIMIT_ALLIANCE_CORPORATIONS, 60 * 60_000);
  assert.equal(settings.LIMIT_CORPORATION_INFO, 90 * 60_000);
  assert.equal(settings.RABBITMQ_MANAGEMENT_URL, undefined);
});

test('each limit is the one of its step', () => {
  const settings = readSettings({
    LIMIT_ALLIANCE_INFO: '1',
    LIMIT_ALLIANCE_CORPORATIONS: '2',
    LIMIT_CORPORATION_INFO: '3',
    LIMIT_OTHER_STEPS: '4',
  });
  assert.deepEqual(
    STEPS.map(({ limit }) => limit(settings) / 60_000),
    [4, 1, 4, 2, 3, 4, 4],
  );
});

test('an empty variable counts as unset', () => {
  assert.equal(readSettings({ SCHEDULE_HOUR: '' }).SCHEDULE_HOUR, 2);
});

test('every wrong setting is a sentence that names it and what is allowed', () => {
  const wrong = {
    SCHEDULE_HOUR: '24',
    SCHEDULE_MINUTE: 'five',
    CHECK_INTERVAL: '-1',
    LIMIT_ALLIANCE_INFO: '0',
    // 2^31 ms: a timer of that length fires at once.
    LIMIT_CORPORATION_INFO: '35791.4',
    FLUSH_BEFORE_ACK: 'yes',
    DATABASE_URL: 'mysql://root:secret@localhost/x',
    LOG_ROTATION: 'daily',
  };
  assert.throws(
    () => readSettings(wrong),
    (error: unknown) => {
      assert.ok(error instanceof SettingsError);
      const sentences = error.message.split('\n');
      assert.equal(sentences.length, Object.keys(wrong).length, error.message);
      for (const name of Object.keys(wrong)) {
        const sentence = sentences.find((line) => line.startsWith(`${name} is `));
        assert.match(sentence ?? '', /Allowed: .+\.$/, name);
      }
      assert.match(error.message, /SCHEDULE_HOUR is "24"\. Allowed: a whole number from 0 to 23\./);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
});

test('the README lists every setting with its default', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  for (const [name, { fallback, allowed, meaning }] of Object.entries(SETTINGS)) {
    const row = `| \`${name}\` | ${fallback === undefined ? 'none' : `\`${fallback}\``} | ${allowed} | ${meaning} |`;
    assert.ok(readme.includes(row), `README.md lacks:\n${row}`);
  }
});
