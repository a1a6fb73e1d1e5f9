import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect, type ConfirmChannel, type RecoveringChannelModel } from 'amqplib';

import type { Log } from '../log/log.js';

const RECONNECT_MS = 500;
const RECONNECT_AT_MOST_MS = 10_000;

/** A connection to RabbitMQ that is made again when it breaks. */
export class Broker {
  readonly #connection: RecoveringChannelModel;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #kept: Array<Promise<void>> = [];

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
    connection.on('reconnect-scheduled', ({ error }) =>
      log.debug({ reason: error.message }, 'no RabbitMQ yet'),
    );
    return new Broker(connection, log);
  }

  /** Resolves when the broker has been reached once. */
  async connected(signal: AbortSignal): Promise<void> {
    await unlessAborted(this.#connection.waitForConnect(), signal);
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
      try {
        const channel = await unlessAborted(this.#connection.createConfirmChannel(), signal);
        channel.on('error', (error) => this.#log.warn({ reason: error.message }, 'a channel failed'));
        const ended = once(channel, 'close', { signal });
        ended.catch(() => undefined);
        await setUp(channel);
        await ended;
      } catch (error) {
        if (signal.aborted) return;
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
