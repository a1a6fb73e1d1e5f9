import { metrics as otelMetrics } from '@opentelemetry/api';

import type { Settings } from '../config/settings.js';
import { createApp, type App } from '../http/app.js';
import { drain } from '../http/drain.js';
import type { Services } from '../http/services.js';
import { OutboxRelay } from '../ledger/outbox-relay.js';
import { createMetrics, type Metrics } from '../metrics/metrics.js';
import { observe } from '../metrics/observables.js';
import { BackgroundWork } from './background-work.js';
import { openBackends, type Backends } from './open-backends.js';
import { servicesOf } from './services-of.js';

/** One instance of PayFlow. */
export interface Service {
  readonly app: App;
  readonly services: Services;
  readonly background: BackgroundWork;
  readonly relay: OutboxRelay;
  /** Starts to look after the servers, listens, and starts the work in the background. Answers the port. */
  readonly start: () => Promise<number>;
  /** Takes no new connections, and resolves when those that are open have ended; after `graceMs` idle ones are closed. */
  readonly drain: (graceMs: number) => Promise<void>;
  /** Ends the requests that are under way, then everything else. */
  readonly close: () => Promise<void>;
}

/** The composition root: everything else gets its parts as arguments. Opens connections, but waits for none. */
export async function createService(settings: Settings): Promise<Service> {
  const meter = otelMetrics.getMeter('payflow');
  const metrics = createMetrics(meter);
  const log: { app?: App } = {};
  const backends = openBackends(settings, metrics, (message, details) => log.app?.log.warn(details, message));
  const { database, balancer, redis } = backends;
  const services = servicesOf(settings, metrics, backends);
  observe(meter, services);
  const app = await createApp({ services, logLevel: settings.logLevel });
  log.app = app;
  const relay = relayOf(settings, metrics, backends);
  const background = backgroundOf(settings, metrics, services, relay, app);
  return {
    app,
    services,
    background,
    relay,
    start: async () => {
      await Promise.all([database.manager.start(), balancer.start()]);
      await app.listen({ host: settings.host, port: settings.port });
      background.start();
      const address = app.server.address();
      return typeof address === 'object' && address !== null ? address.port : settings.port;
    },
    drain: async (graceMs) => {
      services.lifecycle.ending = true;
      await drain(app.server, graceMs);
    },
    close: async () => {
      await app.close();
      balancer.close();
      await background.close();
      await database.manager.close();
      redis.close();
    },
  };
}

function relayOf(settings: Settings, metrics: Metrics, { database, redis }: Backends): OutboxRelay {
  return new OutboxRelay({
    database,
    redis,
    keyPrefix: settings.redisKeyPrefix,
    intervalMs: settings.outboxInterval,
    onPublished: (count) => metrics.outboxPublished.add(count),
  });
}

function backgroundOf(
  settings: Settings,
  metrics: Metrics,
  { database, activeUsers }: Services,
  relay: OutboxRelay,
  app: App,
): BackgroundWork {
  return new BackgroundWork({
    database,
    relay,
    activeUsers,
    metrics,
    ledgerCheckIntervalMs: settings.ledgerCheckInterval * 1000,
    idempotencyTtlHours: settings.idempotencyTtl,
    onError: (job, error) => app.log.warn({ job, err: error }, 'work in the background failed'),
  });
}
