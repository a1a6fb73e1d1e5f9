import type { ObservableCallback } from '@opentelemetry/api';

import { type Database, transaction } from '../flows/database.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { RabbitMq } from './rabbitmq.js';

interface Message {
  readonly id: string;
  readonly exchange: string;
  readonly routing_key: string;
  readonly body: unknown;
}

const BATCH = 100;

/**
 * Hands messages that were written with a transaction to RabbitMQ. One that was sent and not deleted, because the process
 * died in between, is sent again with the same message id.
 */
export class Outbox {
  readonly #database: Database;
  readonly #rabbit: RabbitMq;
  readonly #metrics: Metrics;
  readonly #log: Log;
  readonly #observe: ObservableCallback;
  #timer: NodeJS.Timeout | undefined;
  #relaying: Promise<void> | undefined;

  constructor(database: Database, rabbit: RabbitMq, metrics: Metrics, log: Log) {
    this.#database = database;
    this.#rabbit = rabbit;
    this.#metrics = metrics;
    this.#log = log;
    this.#observe = async (result) => {
      const { rows } = await database
        .query<{ count: string }>('SELECT count(*) FROM outbox')
        .catch(() => ({ rows: [] }));
      if (rows[0] !== undefined) result.observe(Number(rows[0].count));
    };
  }

  start(everyMs: number): void {
    this.#metrics.outboxWaiting.addCallback(this.#observe);
    this.#timer = setInterval(() => this.#relay(), everyMs).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#metrics.outboxWaiting.removeCallback(this.#observe);
    await this.#relaying;
  }

  #relay(): void {
    if (this.#relaying !== undefined || !this.#rabbit.isConnected) return;
    this.#relaying = this.#relayAll()
      .catch((error: unknown) => this.#log.warn({ err: error }, 'messages of the outbox were not sent'))
      .finally(() => {
        this.#relaying = undefined;
      });
  }

  async #relayAll(): Promise<void> {
    while ((await transaction(this.#database, (client) => this.#relayBatch(client))) === BATCH);
  }

  async #relayBatch(client: Pick<Database, 'query'>): Promise<number> {
    const { rows } = await client.query<Message>(
      'SELECT id, exchange, routing_key, body FROM outbox ORDER BY id FOR UPDATE SKIP LOCKED LIMIT $1',
      [BATCH],
    );
    if (rows.length === 0) return 0;
    await Promise.all(
      rows.map(({ id, exchange, routing_key: key, body }) =>
        this.#rabbit.publish(exchange, key, `gateway-${id}`, body),
      ),
    );
    await client.query('DELETE FROM outbox WHERE id = ANY($1::bigint[])', [rows.map(({ id }) => id)]);
    this.#metrics.messagesPublished.add(rows.length);
    return rows.length;
  }
}
