import { Broker } from '../broker/broker.js';
import { listQueues, managementOf, queueDepth, type QueueDepth } from '../broker/queue-depth.js';
import { deadLetterQueue, QUEUE_NAMES } from '../broker/queues.js';
import { silentLog } from '../log/log.js';
import type { Settings } from '../settings/settings.js';
import { EXIT } from '../workflow/manual.js';
import { tell } from './process.js';
import { table } from './status-command.js';

const CONNECT_MS = 10_000;

/** How many messages of a queue are ready, and how many are unacknowledged. */
export async function queueCountCommand(settings: Settings, queue: string, json: boolean): Promise<number> {
  const depths = await withBroker(settings, async (broker) => [
    await queueDepth(broker, managementOf(settings.RABBITMQ_MANAGEMENT_URL, settings.RABBITMQ_URL), queue),
  ]);
  return show(depths, json);
}

/** Every queue of the virtual host; without the management API, those of this application. */
export async function listQueuesCommand(settings: Settings, json: boolean): Promise<number> {
  const management = managementOf(settings.RABBITMQ_MANAGEMENT_URL, settings.RABBITMQ_URL);
  if (management !== undefined) return show(await listQueues(management), json);
  const names = QUEUE_NAMES.flatMap((name) => [name, deadLetterQueue(name)]);
  const depths = await withBroker(settings, async (broker) => {
    const found = await Promise.allSettled(names.map((name) => queueDepth(broker, undefined, name)));
    return found.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  });
  return show(depths, json);
}

async function withBroker<T>(settings: Settings, use: (broker: Broker) => Promise<T>): Promise<T> {
  const broker = await Broker.open(settings.RABBITMQ_URL, 'daily-orchestrator command', silentLog());
  try {
    await broker.reached(CONNECT_MS);
    return await use(broker);
  } finally {
    await broker.close();
  }
}

function show(depths: readonly QueueDepth[], json: boolean): number {
  if (json) {
    tell(JSON.stringify(depths, undefined, 2));
    return EXIT.success;
  }
  const rows = table(['queue', 'ready', 'unacknowledged', 'consumers']);
  for (const { name, ready, unacknowledged, consumers } of depths) {
    rows.push([name, ready, unacknowledged ?? 'unknown', consumers]);
  }
  tell(rows.toString());
  return EXIT.success;
}
