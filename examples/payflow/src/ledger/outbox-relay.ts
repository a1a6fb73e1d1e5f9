import type { RedisPool } from '../cache/redis-pool.js';
import type { Database } from '../database/database.js';

export interface OutboxRelayOptions {
  readonly database: Database;
  readonly redis: RedisPool;
  readonly keyPrefix: string;
  readonly intervalMs: number;
  readonly onPublished: (count: number) => void;
}

const BATCH = 100;
/** Of the stream; consumers that are further behind read the transactions from the API. */
const MAX_STREAM_LENGTH = 100_000;

interface Row {
  readonly id: string;
  readonly topic: string;
  readonly payload: unknown;
}

/**
 * Sends what is in the outbox to the Redis stream `<prefix>events`, at least once: a crash between sending and deleting sends it
 * again, with the same `id`, by which consumers recognize it.
 */
export class OutboxRelay {
  readonly #options: OutboxRelayOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.relayNow(), this.#options.intervalMs);
  }

  /** Sends all that waits now. Never rejects; what fails waits for the next time. */
  async relayNow(): Promise<void> {
    this.#running ??= this.#relay()
      .catch(() => undefined)
      .finally(() => (this.#running = undefined));
    await this.#running;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #relay(): Promise<void> {
    for (;;) {
      const { database, onPublished } = this.#options;
      // Looking costs a read of a replica; only when something waits there is a transaction on the primary.
      const waiting = await database.reader.read('outbox_waiting', 0n, async (client) => {
        const { rows } = await client.query<{ waits: boolean }>(
          'SELECT EXISTS (SELECT 1 FROM outbox) AS waits',
        );
        return rows[0]?.waits === true;
      });
      if (!waiting) return;
      const { result: sent } = await database.writer.write('outbox_relay', async (client) => {
        // Rows that another instance is sending are skipped.
        const { rows } = await client.query<Row>(
          `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)
           RETURNING id, topic, payload`,
        );
        await this.#publish(rows.toSorted((a, b) => Number(a.id) - Number(b.id)));
        return rows.length;
      });
      onPublished(sent);
      if (sent < BATCH) return;
    }
  }

  async #publish(rows: readonly Row[]): Promise<void> {
    const { redis, keyPrefix } = this.#options;
    for (const { id, topic, payload } of rows) {
      const fields = ['id', id, 'topic', topic, 'payload', JSON.stringify(payload)];
      await redis.use(async (connection) =>
        connection.xadd(`${keyPrefix}events`, 'MAXLEN', '~', MAX_STREAM_LENGTH, '*', ...fields),
      );
    }
  }
}
