import { Broker, unlessAborted } from '../broker/broker.js';
import { declareQueue, QUEUE_NAMES } from '../broker/queues.js';
import { managementOf, queueDepth, type QueueDepth } from '../broker/queue-depth.js';
import { openDatabase } from '../database/database.js';
import { migrate } from '../database/migrate.js';
import { EsiClient } from '../esi/esi-client.js';
import type { Log } from '../log/log.js';
import { ExactLedger, PlainLedger, whileAway, type Ledger } from '../metrics/ledger.js';
import { esiPaused, esiRequests, esiRetries, observeErrorBudget } from '../metrics/metrics.js';
import type { Settings } from '../settings/settings.js';
import type { Workshop } from '../workflow/attempt.js';

export interface OpenedWorkshop extends Workshop {
  close(): Promise<void>;
}

/** Opens what a process of the workflow works with, and waits until broker and database are there. */
export async function openWorkshop(
  name: string,
  settings: Settings,
  log: Log,
  signal: AbortSignal,
): Promise<OpenedWorkshop> {
  let told = '';
  await whileAway(
    () => migrate(settings.DATABASE_URL, log),
    signal,
    (reason) => {
      if (reason !== told) log.warn({ reason }, 'no PostgreSQL yet');
      told = reason;
    },
  );
  const database = openDatabase(settings.DATABASE_URL, log);
  const broker = await Broker.open(settings.RABBITMQ_URL, name, log);
  let ledger: Ledger;
  try {
    await broker.connected(signal);
    await unlessAborted(
      broker.withChannel(async (channel) => {
        for (const queue of QUEUE_NAMES) await declareQueue(channel, queue);
      }),
      signal,
    );
    ledger = settings.FLUSH_BEFORE_ACK
      ? await ExactLedger.open(database, settings.DATABASE_URL, name, log, signal)
      : new PlainLedger(database);
  } catch (error) {
    // Both would keep alive a process that has given up.
    await broker.close();
    await database.end();
    throw error;
  }
  const esi = openEsi(settings);
  const management = managementOf(settings.RABBITMQ_MANAGEMENT_URL, settings.RABBITMQ_URL);
  return {
    settings,
    database,
    broker,
    esi,
    ledger,
    log,
    depthOf: (queue): Promise<QueueDepth> => queueDepth(broker, management, queue),
    progress: () => undefined,
    async close() {
      await broker.close();
      await esi.close();
      await ledger.close();
      await database.end();
    },
  };
}

function openEsi(settings: Settings): EsiClient {
  const esi = new EsiClient(
    {
      baseUrl: settings.ESI_BASE_URL.replace(/\/$/, ''),
      userAgent: settings.ESI_USER_AGENT,
      timeoutMs: settings.ESI_TIMEOUT,
      attempts: settings.ESI_ATTEMPTS,
      backoffMs: settings.ESI_BACKOFF,
      errorReserve: settings.ESI_ERROR_RESERVE,
      concurrency: settings.PREFETCH,
    },
    {
      requested: (endpoint, status) =>
        esiRequests.add(1, { 'esi.endpoint': endpoint, 'esi.status': String(status) }),
      retried: (endpoint) => esiRetries.add(1, { 'esi.endpoint': endpoint }),
      waited: (milliseconds) => {
        if (milliseconds > 1) esiPaused.add(milliseconds / 1000);
      },
    },
  );
  observeErrorBudget(() => esi.budget.remaining);
  return esi;
}
