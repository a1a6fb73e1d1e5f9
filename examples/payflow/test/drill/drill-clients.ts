import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { ApiClient, type Answer } from '../../src/cli/http-client.js';
import type { SeededUser } from '../../src/cli/seed-users.js';

/** One attempt of one transfer. */
export interface Attempt {
  readonly at: number;
  readonly ms: number;
  /** 0: no answer. */
  readonly status: number;
  /** Answered by the service, not by nginx in its place. */
  readonly byService: boolean;
}

/** A transfer that was answered for good. */
export interface Settled {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** In cents. */
  readonly cents: number;
  readonly completed: boolean;
  readonly tries: number;
  readonly at: number;
}

/** Between two tries of one transfer, and between two transfers of one client. */
const RETRY_MS = 100;
const PAUSE_MS = 15;
/** Longer than any wait within the service, so that an answer that is on its way is not given up. */
const PATIENCE_MS = 30_000;

/** Clients that send random transfers, each again under its key until it is answered for good. */
export class DrillClients {
  readonly attempts: Attempt[] = [];
  readonly settled: Settled[] = [];
  readonly #client: ApiClient;
  readonly #users: readonly SeededUser[];
  #ending = false;
  #running: Promise<unknown> | undefined;

  constructor(base: string, users: readonly SeededUser[]) {
    this.#client = new ApiClient(base, PATIENCE_MS);
    this.#users = users;
  }

  start(count: number): void {
    this.#running = Promise.all(Array.from({ length: count }, async (_, n) => this.#run(n)));
  }

  /** Resolves when every transfer that was begun is settled. */
  async end(): Promise<void> {
    this.#ending = true;
    await this.#running;
    this.#client.close();
  }

  /** Answers of the service, by the time at which they came. */
  answersBetween(from: number, to: number): number {
    return this.attempts.filter(({ at, ms, byService }) => byService && at + ms >= from && at + ms <= to)
      .length;
  }

  async #run(n: number): Promise<void> {
    // Numbers that are the same in each run: a linear congruential generator for each client.
    let state = 1000 + n;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    while (!this.#ending) {
      const from = this.#users[random(this.#users.length)];
      const to = this.#users[random(this.#users.length)];
      if (from === undefined || to === undefined || from === to) continue;
      await this.#transfer(from, to, 1 + random(500));
      await sleep(PAUSE_MS);
    }
  }

  async #transfer(from: SeededUser, to: SeededUser, cents: number): Promise<void> {
    const key = randomUUID();
    const body = { from_user_id: from.id, to_user_id: to.id, amount: cents / 100 };
    for (let tries = 1; ; tries++) {
      const answer = await this.#attempt(from.key, key, body);
      // 422: refused, and recorded as such. Everything else is tried again.
      if (answer !== undefined && (answer.status === 201 || answer.status === 422)) {
        const completed = answer.status === 201;
        const id = String(completed ? answer.body['id'] : answer.body['transaction_id']);
        this.settled.push({ id, from: from.id, to: to.id, cents, completed, tries, at: Date.now() });
        return;
      }
      if (answer !== undefined && answer.status < 500 && answer.status !== 429)
        throw new Error(`a transfer was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
      await sleep(RETRY_MS);
    }
  }

  async #attempt(apiKey: string, key: string, body: object): Promise<Answer | undefined> {
    const at = Date.now();
    try {
      const answer = await this.#client.call('POST', '/api/transactions/transfer', apiKey, body, {
        'idempotency-key': key,
      });
      const byService = !('text' in answer.body);
      this.attempts.push({ at, ms: Date.now() - at, status: answer.status, byService });
      return answer;
    } catch {
      this.attempts.push({ at, ms: Date.now() - at, status: 0, byService: false });
      return undefined;
    }
  }
}
