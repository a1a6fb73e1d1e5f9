import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import { Client } from 'pg';

import { readSettings } from '../../src/config/read-settings.js';
import { createService, type Service } from '../../src/start/service.js';
import { hashPassword } from '../../src/users/passwords.js';
import { freshDatabase } from './shared-servers.js';

export interface Reply<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Body;
  readonly text: string;
}

export interface Person {
  readonly id: number;
  readonly username: string;
  readonly key: string;
}

export const PASSWORD = 'correct horse battery';

/** A service in this process, on a database of its own, called as over HTTP. */
export class TestApi {
  readonly service: Service;
  readonly env: Readonly<Record<string, string>>;

  constructor(service: Service, env: Readonly<Record<string, string>>) {
    this.service = service;
    this.env = env;
  }

  /** @param body an object, or the text of a body */
  async call<Body = Record<string, unknown>>(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    key?: string,
    body?: object | string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply<Body>> {
    const response = await this.service.app.inject({
      method,
      url,
      headers: {
        ...(key !== undefined && { 'x-api-key': key }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { payload: body }),
    });
    const text = response.body;
    const json = String(response.headers['content-type'] ?? '').includes('json');
    return {
      status: response.statusCode,
      headers: response.headers,
      body: (json ? JSON.parse(text) : {}) as Body,
      text,
    };
  }

  /** A new user who is logged in. */
  async person(username = `u${randomBytes(5).toString('hex')}`): Promise<Person> {
    const email = `${username}@example.com`;
    const created = await this.call<{ id: number }>('POST', '/api/users', undefined, {
      username,
      email,
      password: PASSWORD,
    });
    assert.equal(created.status, 201, created.text);
    return this.login(created.body.id, username);
  }

  /** A new user with a wallet and some money. */
  async rich(amount: number | undefined, currency = 'EUR'): Promise<Person> {
    const person = await this.person();
    const url = `/api/balances/initialize?user_id=${person.id}&currency=${currency}`;
    assert.equal((await this.call('POST', url, person.key)).status, 201);
    if (amount !== undefined) {
      const deposit = await this.call('POST', '/api/transactions/deposit', person.key, {
        user_id: person.id,
        amount,
      });
      assert.equal(deposit.status, 201, deposit.text);
    }
    return person;
  }

  async admin(): Promise<Person> {
    const username = `a${randomBytes(5).toString('hex')}`;
    const hash = await hashPassword(PASSWORD, 10);
    const [row] = await this.sql<{ id: string }>(
      `INSERT INTO users (username, email, password_hash, role) VALUES ('${username}', '${username}@example.com', '${hash}', 'admin') RETURNING id`,
    );
    return this.login(Number(row?.id), username);
  }

  async login(id: number, username: string): Promise<Person> {
    const login = await this.call<{ api_key: string }>('POST', '/api/login', undefined, {
      username,
      password: PASSWORD,
    });
    assert.equal(login.status, 200, login.text);
    return { id, username, key: login.body.api_key };
  }

  async balance(person: Person): Promise<number> {
    const reply = await this.call<{ balance: number }>(
      'GET',
      `/api/balances?user_id=${person.id}`,
      person.key,
    );
    assert.equal(reply.status, 200, reply.text);
    return reply.body.balance;
  }

  /** Straight to the primary. */
  async sql<Row extends object>(text: string): Promise<Row[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: Number(this.env['DB_PORT']),
      user: 'payflow',
      database: this.env['DB_NAME'],
    });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }
}

/** @param env on top of those of a fresh database */
export async function startApi(
  env: Readonly<Record<string, string>> = {},
  base?: Record<string, string>,
): Promise<TestApi> {
  const all = { ...(base ?? (await freshDatabase())), ...env };
  const service = await createService(readSettings(all));
  await service.start();
  return new TestApi(service, all);
}

/** The ports of the servers that answered `count` reads. */
export async function portsOfReads({ services }: Service, count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let n = 0; n < count; n++)
    ports.push(
      await services.database.reader.read('test', 0n, async (client) => {
        const { rows } = await client.query<{ port: number }>(`SELECT current_setting('port')::int AS port`);
        return rows[0]?.port ?? 0;
      }),
    );
  return ports;
}
