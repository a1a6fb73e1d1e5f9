import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Answer, ApiClient } from './http-client.js';

export interface SeededUser {
  readonly id: number;
  readonly username: string;
  readonly key: string;
}

/** Users with a balance of `amount` each, made through the API as anybody would. */
export async function seedUsers(client: ApiClient, count: number, amount: number): Promise<SeededUser[]> {
  const users: SeededUser[] = [];
  const run = randomBytes(3).toString('hex');
  for (let n = 1; n <= count; n++) {
    const username = `demo-${run}-${n}`;
    const password = randomBytes(12).toString('base64url');
    const user = await expect(async () =>
      client.call('POST', '/api/users', undefined, { username, email: `${username}@example.com`, password }),
    );
    const id = Number(user['id']);
    const login = await expect(async () =>
      client.call('POST', '/api/login', undefined, { username, password }),
    );
    const key = String(login['api_key']);
    await expect(async () => client.call('POST', `/api/balances/initialize?user_id=${id}`, key));
    await expect(async () =>
      client.call('POST', '/api/transactions/deposit', key, {
        user_id: id,
        amount,
        description: 'opening balance',
      }),
    );
    users.push({ id, username, key });
  }
  return users;
}

const TRIES = 60;
const WAIT_MS = 500;

/** The body of an answer that must be a success. What nginx limits, or what was refused with "try again", is sent again. */
async function expect(send: () => Promise<Answer>): Promise<Record<string, unknown>> {
  for (let tries = 1; ; tries++) {
    const { status, body } = await send();
    if (status < 300) return body;
    const later =
      status === 429 || (status === 503 && body['type'] !== 'urn:payflow:problem:outcome-unknown');
    if (!later || tries === TRIES) throw new Error(`the service answers ${status}: ${JSON.stringify(body)}`);
    await sleep(WAIT_MS);
  }
}
