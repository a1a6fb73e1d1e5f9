import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, it } from 'node:test';

import { README_END, README_START, settingsTable } from '../scripts/settings-table.js';
import { readSettings } from '../src/settings/read-settings.js';
import { SETTINGS } from '../src/settings/settings.js';
import { ROOT } from './helpers/gateway-process.js';

describe('settings', () => {
  it('have the defaults of the documents', () => {
    const { retryCount, timeoutMs, port, appDebug, dbConnection } = readSettings({});
    assert.deepEqual(
      { retryCount, timeoutMs, port, appDebug, dbConnection },
      { retryCount: 3, timeoutMs: 2000, port: 8000, appDebug: false, dbConnection: 'pgsql' },
    );
  });

  it('find services in SERVICE_<NAME>_BASE_URL, several targets between commas', () => {
    const { services } = readSettings({
      SERVICE_USER_BASE_URL: 'http://u:1',
      SERVICE_BIG_ORDER_BASE_URL: 'http://o:1, http://o:2',
      SERVICE_NONE_BASE_URL: '',
    });
    assert.deepEqual(
      [...services],
      [
        ['user', ['http://u:1']],
        ['big-order', ['http://o:1', 'http://o:2']],
      ],
    );
  });

  it('refuse what is wrong, all of it at once, with the name, the value and what is allowed', () => {
    const wrong = {
      APP_DEBUG: 'maybe',
      PORT: '80000',
      ORCHESTRATOR_RETRY_COUNT: '-1',
      LOG_LEVEL: 'loud',
      APP_URL: 'nonsense',
      TRUSTED_PROXIES: '10.0.0.0/8,somewhere',
      SERVICE_USER_BASE_URL: 'ftp://user:secret@x',
      TLS_CERT_FILE: 'a.pem',
    };
    assert.throws(
      () => readSettings(wrong),
      (error: Error) => {
        assert.deepEqual(error.message.split('\n'), [
          'APP_DEBUG is "maybe": allowed is true or false.',
          'APP_URL is not a URL: nonsense',
          'PORT is "80000": allowed is a whole number from 0 to 65535.',
          'ORCHESTRATOR_RETRY_COUNT is "-1": allowed is a whole number from 0 to 10.',
          `LOG_LEVEL is "loud": allowed is one of trace, debug, info, warn, error, fatal, silent.`,
          'TRUSTED_PROXIES is "somewhere": allowed is addresses or networks, such as 10.0.0.0/8, between commas.',
          'SERVICE_USER_BASE_URL has the scheme "ftp:": allowed are http: and https:',
          'TLS_CERT_FILE and TLS_KEY_FILE belong together: set both, or none.',
        ]);
        assert.ok(!error.message.includes('secret'));
        return true;
      },
    );
  });

  it('say why MySQL is not taken', () => {
    assert.throws(
      () => readSettings({ DB_CONNECTION: 'mysql' }),
      /DB_CONNECTION is "mysql": the state of flows is kept in PostgreSQL only/,
    );
    assert.equal(readSettings({ DB_CONNECTION: 'postgres' }).dbConnection, 'pgsql');
  });

  it('are in the README as they are', () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const table = readme.slice(
      readme.indexOf(README_START) + README_START.length,
      readme.indexOf(README_END),
    );
    assert.equal(table.trim(), settingsTable().trim(), 'npm run docs writes it');
  });

  it('are in .env.example, which can be used as it is', () => {
    const example = parseEnv(readFileSync(join(ROOT, '.env.example'), 'utf8')) as Record<string, string>;
    readSettings(example);
    const named = readFileSync(join(ROOT, '.env.example'), 'utf8');
    for (const { env } of Object.values(SETTINGS)) assert.match(named, new RegExp(`^#? ?${env}=`, 'm'), env);
  });
});
