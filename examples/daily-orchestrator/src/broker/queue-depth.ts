import { request } from 'undici';
import { z } from 'zod';

import type { Broker } from './broker.js';

/** What the broker says about a queue. */
export interface QueueDepth {
  readonly name: string;
  readonly ready: number;
  /** Delivered, and not acknowledged. Undefined without the management API: AMQP does not tell. */
  readonly unacknowledged: number | undefined;
  readonly consumers: number;
}

const Listed = z.object({
  name: z.string(),
  messages_ready: z.int().default(0),
  messages_unacknowledged: z.int().default(0),
  consumers: z.int().default(0),
});

/** Where the management API is, and the virtual host that is asked about. */
export interface Management {
  readonly base: URL;
  readonly virtualHost: string;
}

export function managementOf(managementUrl: string | undefined, brokerUrl: string): Management | undefined {
  if (managementUrl === undefined) return undefined;
  const { pathname } = new URL(brokerUrl);
  const virtualHost = pathname.length <= 1 ? '/' : decodeURIComponent(pathname.slice(1));
  return { base: new URL(managementUrl), virtualHost };
}

/**
 * Ready messages and consumers come from a passive declaration, which is exact at the moment it is answered; unacknowledged
 * ones from the management API, whose numbers are up to 5 s old. So no single answer means that a queue is done.
 *
 * @throws when the broker is away or the queue does not exist
 */
export async function queueDepth(
  broker: Broker,
  management: Management | undefined,
  queue: string,
): Promise<QueueDepth> {
  const declared = await broker.withChannel((channel) => channel.checkQueue(queue));
  const listed = management === undefined ? undefined : await ask(management, queue);
  return {
    name: queue,
    ready: declared.messageCount,
    unacknowledged: listed === undefined ? undefined : Listed.parse(listed).messages_unacknowledged,
    consumers: declared.consumerCount,
  };
}

/** All queues of the virtual host, by name; only the management API knows them. */
export async function listQueues(management: Management): Promise<QueueDepth[]> {
  const queues = z.array(Listed).parse(await ask(management));
  return queues
    .map(({ name, messages_ready, messages_unacknowledged, consumers }) => ({
      name,
      ready: messages_ready,
      unacknowledged: messages_unacknowledged,
      consumers,
    }))
    .toSorted((a, b) => a.name.localeCompare(b.name));
}

async function ask({ base, virtualHost }: Management, queue?: string): Promise<unknown> {
  const path = ['api', 'queues', virtualHost, ...(queue === undefined ? [] : [queue])];
  const url = new URL(path.map(encodeURIComponent).join('/'), base.origin);
  const credentials = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
  const { statusCode, body } = await request(url, {
    headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
    headersTimeout: 10_000,
    bodyTimeout: 10_000,
  });
  if (statusCode !== 200) {
    await body.dump();
    throw new Error(`the management API answered ${statusCode} for ${url.pathname}`);
  }
  return body.json();
}
