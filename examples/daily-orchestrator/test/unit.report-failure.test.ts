import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, test } from 'node:test';

import { silentLog } from '../src/log/log.js';
import { reportFailure } from '../src/workflow/report-failure.js';
import { webhook, type Report } from './webhook.js';

const FAILURE = { run: 7, step: 'queue:alliances', error: 'it broke', at: '2026-03-10T02:31:00.000Z' };

describe('the report of a failure', () => {
  test('is signed', async (t) => {
    const { url, reports } = await webhook(t, []);
    await reportFailure({ url, secret: 'hush' }, FAILURE, silentLog(), 1);
    const [{ headers, body }] = reports as [Report];
    assert.deepEqual(JSON.parse(body), {
      event: 'workflow.failed',
      workflow: 'daily-orchestrator',
      ...FAILURE,
    });
    const expected = createHmac('sha256', 'hush')
      .update(`${String(headers['x-timestamp'])}.${body}`)
      .digest('hex');
    assert.equal(headers['x-signature'], `sha256=${expected}`);
  });

  test('has no signature without a secret', async (t) => {
    const { url, reports } = await webhook(t, []);
    await reportFailure({ url, secret: undefined }, FAILURE, silentLog(), 1);
    assert.equal(reports[0]?.headers['x-signature'], undefined);
  });

  test('is sent again until it is taken', async (t) => {
    const { url, reports } = await webhook(t, [500, 429, 503]);
    await reportFailure({ url, secret: undefined }, FAILURE, silentLog(), 1);
    assert.equal(reports.length, 4);
  });

  test('is given up after five attempts, and at once when it is refused', async (t) => {
    const stubborn = await webhook(t, [500, 500, 500, 500, 500, 500]);
    await reportFailure({ url: stubborn.url, secret: undefined }, FAILURE, silentLog(), 1);
    assert.equal(stubborn.reports.length, 5);
    const refusing = await webhook(t, [401]);
    await reportFailure({ url: refusing.url, secret: undefined }, FAILURE, silentLog(), 1);
    assert.equal(refusing.reports.length, 1);
  });

  test('never rejects', async () => {
    await reportFailure({ url: 'http://127.0.0.1:1/', secret: undefined }, FAILURE, silentLog(), 1);
  });
});
