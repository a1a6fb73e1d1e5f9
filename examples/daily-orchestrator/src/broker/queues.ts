import type { Channel } from 'amqplib';

export const QUEUES = {
  allianceInfo: 'esi_alliance_info_queue',
  allianceCorporations: 'esi_alliance_corporations_queue',
  corporationInfo: 'esi_corporation_info_queue',
} as const;

export const QUEUE_NAMES: readonly string[] = Object.values(QUEUES);

/** A message that takes down its worker this often is taken out of the way. */
const DELIVERY_LIMIT = 50;

export function deadLetterQueue(queue: string): string {
  return `${queue}.dead`;
}

/** Declares a queue and its dead-letter queue: both replicated, on disk, and none loses a message that it dead-letters. */
export async function declareQueue(channel: Channel, queue: string): Promise<void> {
  await channel.assertQueue(deadLetterQueue(queue), {
    durable: true,
    arguments: { 'x-queue-type': 'quorum' },
  });
  await channel.assertQueue(queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': '',
      'x-dead-letter-routing-key': deadLetterQueue(queue),
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  });
}
