import { connect, type ChannelModel, type ConfirmChannel, type ConsumeMessage } from 'amqplib';

import { EVENT_EXCHANGE, FLOW_EXCHANGE } from '../flows/flow-store.js';
import type { Log } from '../telemetry/log.js';

/** Each message is the id of a flow that one of the gateways runs. */
export const FLOW_QUEUE = 'gateway.flows';
/** Other programs send `{action, payload}` here, with an id by which a message that comes twice starts nothing twice. */
export const COMMAND_QUEUE = 'gateway.commands';

/** Done with a message; `false` puts it back into the queue. */
export type Consume = (queue: string, message: ConsumeMessage) => Promise<boolean>;

export interface QueueOptions {
  readonly url: string;
  /** Messages that one process has at a time. */
  readonly prefetch: number;
  readonly consume: Consume;
  readonly log: Log;
}

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 10_000;

/** One connection to RabbitMQ that comes back by itself. */
export class RabbitMq {
  readonly #options: QueueOptions;
  #connection: ChannelModel | undefined;
  #channel: ConfirmChannel | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;
  #closed = false;
  #saidDown = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#channel !== undefined;
  }

  start(): void {
    void this.#connect();
  }

  /** Resolves when RabbitMQ has confirmed that it keeps the message. */
  async publish(exchange: string, routingKey: string, id: string, body: unknown): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined) throw new Error('RabbitMQ is not connected');
    const content = Buffer.from(JSON.stringify(body));
    await new Promise<void>((resolve, reject) => {
      channel.publish(
        exchange,
        routingKey,
        content,
        { persistent: true, messageId: id, contentType: 'application/json' },
        (error) => {
          if (error) reject(error as Error);
          else resolve();
        },
      );
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#connection?.close().catch(() => undefined);
  }

  async #connect(): Promise<void> {
    const { url, log } = this.#options;
    try {
      const connection = await connect(url, { timeout: 5000 });
      this.#connection = connection;
      connection.on('error', () => undefined);
      connection.on('close', () => this.#lost(new Error('the connection was closed')));
      if (this.#closed) return await connection.close();
      this.#channel = await this.#prepare(connection);
      this.#waitMs = FIRST_WAIT_MS;
      this.#saidDown = false;
      log.info('connected to RabbitMQ');
    } catch (error) {
      abandon(this.#connection);
      this.#lost(error);
    }
  }

  async #prepare(connection: ChannelModel): Promise<ConfirmChannel> {
    const { prefetch } = this.#options;
    const channel = await connection.createConfirmChannel();
    channel.on('error', () => undefined);
    // RabbitMQ may close the channel alone, as for a message that is not acknowledged within its `consumer_timeout`.
    channel.on('close', () => abandon(connection));
    await channel.assertExchange(FLOW_EXCHANGE, 'direct', { durable: true });
    await channel.assertExchange(EVENT_EXCHANGE, 'topic', { durable: true });
    for (const queue of [FLOW_QUEUE, COMMAND_QUEUE]) await channel.assertQueue(queue, { durable: true });
    await channel.bindQueue(FLOW_QUEUE, FLOW_EXCHANGE, 'run');
    await channel.prefetch(prefetch);
    for (const queue of [FLOW_QUEUE, COMMAND_QUEUE])
      await channel.consume(queue, (message) => {
        // The queue was deleted: a new connection makes it again.
        if (message === null) abandon(connection);
        else void this.#handle(channel, queue, message);
      });
    return channel;
  }

  async #handle(channel: ConfirmChannel, queue: string, message: ConsumeMessage): Promise<void> {
    const done = await this.#options.consume(queue, message).catch(() => false);
    try {
      if (done) channel.ack(message);
      else setTimeout(() => requeue(channel, message), 1000).unref();
    } catch {
      // The channel is gone: RabbitMQ gives the message to another one.
    }
  }

  #lost(error: unknown): void {
    this.#channel = undefined;
    if (this.#closed || this.#timer !== undefined) return;
    if (!this.#saidDown)
      this.#options.log.warn({ err: error }, 'RabbitMQ is not reachable: messages wait in the outbox');
    this.#saidDown = true;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#connect();
    }, this.#waitMs).unref();
    this.#waitMs = Math.min(LONGEST_WAIT_MS, this.#waitMs * 2);
  }
}

/** Its `close` event leads to the next one. */
function abandon(connection: ChannelModel | undefined): void {
  // It may be closed already; that rejects or throws, and changes nothing.
  void connection?.close().catch(() => undefined);
}

function requeue(channel: ConfirmChannel, message: ConsumeMessage): void {
  try {
    channel.nack(message, false, true);
  } catch {
    // As above.
  }
}
