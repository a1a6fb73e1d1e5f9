import { randomBytes } from 'node:crypto';

import type { ApiClient } from './http-client.js';

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
    const user = await expect(client.call('POST', '/api/users', undefined, { username, email: `${username}@example.com`, password }));
    const id = Number(user['id']);
    const login = await expect(client.call('POST', '/api/login', undefined, { username, password }));
    const key = String(login['api_key']);
    await expect(client.call('POST', `/api/balances/initialize?user_id=${id}`, key));
    await expect(client.call('POST', '/api/transactions/deposit', key, { user_id: id, amount, description: 'opening balance' }));
    users.push({ id, username, key });
  }
  return users;
}

/** The body of an answer that must be a success. */
async function expect(
  sent: Promise<{ readonly status: number; readonly body: Record<string, unknown> }>,
): Promise<Record<string, unknown>> {
  const { status, body } = await sent;
  if (status >= 300) throw new Error(`the service answers ${status}: ${JSON.stringify(body)}`);
  return body;
}
