import type { ConfirmChannel } from 'amqplib';

import type { Broker } from './broker.js';
import { encodeMessage, type Message } from './message.js';

/** Messages that may be unconfirmed at one time. */
const CHUNK = 500;

/**
 * Puts messages into a queue. Resolves when RabbitMQ has confirmed all of them; when it rejects, some may be there: whoever
 * sends again relies on workers that recognize an item.
 *
 * @param onConfirmed called with the number of messages after each chunk
 */
export async function publish(
  broker: Broker,
  queue: string,
  messages: readonly Message[],
  signal: AbortSignal,
  onConfirmed: (count: number) => void = () => undefined,
): Promise<void> {
  if (messages.length === 0) return;
  try {
    await broker.withChannel(async (channel) => {
      for (let first = 0; first < messages.length; first += CHUNK) {
        signal.throwIfAborted();
        const chunk = messages.slice(first, first + CHUNK);
        await Promise.all(chunk.map((message) => send(channel, queue, message)));
        onConfirmed(chunk.length);
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new NotPublished(queue, error);
  }
}

/** RabbitMQ is away, or refuses. Sending again may succeed. */
export class NotPublished extends Error {
  constructor(queue: string, cause: unknown) {
    super(`not all messages for ${queue} were confirmed: ${String(cause)}`, { cause });
    this.name = 'NotPublished';
  }
}

function send(channel: ConfirmChannel, queue: string, message: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    const messageId = `${message.run ?? 'none'}:${message.id}`;
    channel.sendToQueue(
      queue,
      encodeMessage(message),
      { persistent: true, contentType: 'application/json', messageId },
      (error: unknown) => {
        if (error === null || error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('RabbitMQ refused a message'));
      },
    );
  });
}
