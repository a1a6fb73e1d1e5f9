import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { request } from 'undici';

import type { Log } from '../log/log.js';
import { alerts } from '../metrics/metrics.js';

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const TIMEOUT_MS = 10_000;

export interface Failure {
  readonly run: number;
  readonly step: string;
  readonly error: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Webhook {
  readonly url: string;
  readonly secret: string | undefined;
}

/**
 * Posts a failure as JSON. With a secret, `X-Signature` is `sha256=` and the HMAC of `<X-Timestamp>.<body>` in hexadecimal, so that
 * the receiver knows who sent it, and when. Answers 429 and 5xx are tried again, as is silence. Never rejects: a report that
 * does not arrive is logged and counted.
 */
export async function reportFailure(
  { url, secret }: Webhook,
  failure: Failure,
  log: Log,
  firstPauseMs: number = FIRST_PAUSE_MS,
): Promise<void> {
  const body = JSON.stringify({ event: 'workflow.failed', workflow: 'daily-orchestrator', ...failure });
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const outcome = await post(url, secret, body);
    if (outcome === 'sent') {
      alerts.add(1, { 'alert.outcome': 'sent' });
      log.info({ run: failure.run, attempt }, 'failure reported');
      return;
    }
    log.warn({ run: failure.run, attempt, reason: outcome.reason }, 'the webhook did not take the report');
    if (!outcome.again) break;
    if (attempt < ATTEMPTS) await sleep(firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
  }
  alerts.add(1, { 'alert.outcome': 'failed' });
  log.error({ run: failure.run }, 'the failure could not be reported');
}

type Outcome = 'sent' | { readonly reason: string; readonly again: boolean };

async function post(url: string, secret: string | undefined, body: string): Promise<Outcome> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  try {
    const { statusCode, body: answer } = await request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-timestamp': timestamp,
        ...(secret !== undefined && { 'x-signature': signature(secret, timestamp, body) }),
      },
      body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await answer.dump();
    if (statusCode < 300) return 'sent';
    return { reason: `answered ${statusCode}`, again: statusCode === 429 || statusCode >= 500 };
  } catch (error) {
    return { reason: String(error), again: true };
  }
}

export function signature(secret: string, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;
}
