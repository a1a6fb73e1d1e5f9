import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, type ConfirmChannel, type RecoveringChannelModel } from 'amqplib';

import { reasonOf } from '../database/database.js';
import type { Log } from '../log/log.js';

const RECONNECT_MS = 500;
const RECONNECT_AT_MOST_MS = 10_000;

/** A connection to RabbitMQ that is made again when it breaks. */
export class Broker {
  readonly #connection: RecoveringChannelModel;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #kept: Array<Promise<void>> = [];
  /** Why it was not reached last. */
  #absence = 'it was silent';

  private constructor(connection: RecoveringChannelModel, log: Log) {
    this.#connection = connection;
    this.#log = log;
  }

  /** Does not wait for the broker: channels do. */
  static async open(url: string, name: string, log: Log): Promise<Broker> {
    const connection = await connect(url, {
      noDelay: true,
      keepAlive: true,
      timeout: 10_000,
      clientProperties: { connection_name: name },
      recovery: { initialDelay: RECONNECT_MS, maxDelay: RECONNECT_AT_MOST_MS, waitForConnect: false },
    });
    // Without a listener an error of the connection would end the process.
    connection.on('error', () => undefined);
    connection.on('disconnect', (error) => log.warn({ reason: error.message }, 'RabbitMQ is gone'));
    connection.on('connect', () => log.debug('connected to RabbitMQ'));
    const broker = new Broker(connection, log);
    connection.on('reconnect-scheduled', ({ error }) => broker.#missed(reasonOf(error)));
    return broker;
  }

  /** Resolves when the broker has been reached once. */
  async connected(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#connection.waitForConnect(), signal);
  }

  /** As {@link connected}, for somebody who waits for an answer. Throws {@link NotReached}. */
  async reached(withinMs: number): Promise<void> {
    await this.connected(AbortSignal.timeout(withinMs)).catch(() => {
      throw new NotReached(`RabbitMQ (RABBITMQ_URL) does not answer: ${this.#absence}.`);
    });
  }

  /** Told once for each reason: a wrong password looks like a broker that is away. */
  #missed(reason: string): void {
    if (reason !== this.#absence) this.#log.warn({ reason }, 'no RabbitMQ yet');
    this.#absence = reason;
  }

  /** A channel for one use; a failed command closes it, and nothing else. */
  async withChannel<T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
    const channel = await this.#connection.createConfirmChannel();
    channel.on('error', () => undefined);
    try {
      return await use(channel);
    } finally {
      await channel.close().catch(() => undefined);
    }
  }

  /**
   * Keeps a channel open until the broker is closed: whenever there is a new one, `setUp` is called with it. A channel may
   * end without its connection: RabbitMQ closes one whose messages are not acknowledged in time, for example.
   */
  keepChannel(setUp: (channel: ConfirmChannel) => Promise<void>): void {
    this.#kept.push(this.#keep(setUp));
  }

  async #keep(setUp: (channel: ConfirmChannel) => Promise<void>): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let channel: ConfirmChannel | undefined;
      try {
        channel = await unlessAborted(this.#connection.createConfirmChannel(), signal);
        channel.on('error', (error) => this.#log.warn({ reason: error.message }, 'a channel failed'));
        const ended = once(channel, 'close', { signal });
        ended.catch(() => undefined);
        await setUp(channel);
        await ended;
      } catch (error) {
        if (signal.aborted) {
          // The end of the connection overtakes what the channel still has to send, which are acknowledgements.
          await channel?.close().catch(() => undefined);
          return;
        }
        this.#log.debug({ reason: String(error) }, 'no channel');
      }
      await sleep(RECONNECT_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#kept);
    await this.#connection.close().catch(() => undefined);
  }
}

/** Broker or database was not there in time. Its message is a sentence. */
export class NotReached extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'NotReached';
  }
}

/** Rejects with the signal's reason as soon as it is aborted, whatever `promise` does. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(signal.reason as Error);
  }
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
