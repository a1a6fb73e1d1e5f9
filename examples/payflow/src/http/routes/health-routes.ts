import type { FastifyReply } from 'fastify';
import type { Static } from 'typebox';

import type { DatabaseServer } from '../../database/database-server.js';
import { Health, Live, Ready } from '../answers.js';
import type { App } from '../app.js';
import type { Services } from '../services.js';

const config = { access: 'public' } as const;
const tags = ['health'];

/** For people, load balancers and supervisors. Names, no addresses: everybody can read it. */
export function healthRoutes(app: App, services: Services): void {
  // A supervisor restarts a process that does not answer here, so nothing is asked of others.
  app.get('/health/live', { config, schema: { tags, response: { 200: Live } } }, async () => ({
    status: 'alive' as const,
    instance: services.instance,
  }));

  // Without a primary an instance still answers reads, so it stays in the balance; without any database it leaves.
  app.get(
    '/health/ready',
    { config, schema: { tags, response: { 200: Ready, 503: Ready } } },
    async (_request, reply) => {
      const { mode } = services.fallbacks;
      const ready = mode !== 'down' && !services.lifecycle.ending;
      void reply.status(ready ? 200 : 503);
      return { status: ready ? 'ready' : 'not_ready', mode, instance: services.instance };
    },
  );

  app.get(
    '/health',
    { config, schema: { tags, response: { 200: Health, 503: Health } } },
    async (_request, reply) => answerHealth(services, reply),
  );
}

function answerHealth(services: Services, reply: FastifyReply): Static<typeof Health> {
  const { database, balancer, fallbacks, breakers, instance, cache } = services;
  const { mode } = fallbacks;
  void reply.status(mode === 'down' ? 503 : 200).header('cache-control', 'no-store');
  const { manager } = database;
  return {
    status: mode === 'normal' ? 'ok' : mode === 'down' ? 'down' : 'degraded',
    instance,
    uptime_seconds: Math.round(process.uptime()),
    services: {
      connection_manager: {
        status: manager.primary === undefined ? 'no_primary' : 'ok',
        primary: manager.primary?.name ?? null,
        servers: manager.servers.map(describeServer),
      },
      load_balancer: {
        enabled: balancer.enabled,
        algorithm: balancer.algorithm,
        targets: balancer.targets.map(({ healthy, weight, active, calls }, index) => ({
          name: `fraud-check-${index + 1}`,
          healthy,
          weight,
          active,
          calls,
        })),
      },
      fallback_manager: { mode, fallbacks: fallbacks.counts },
      circuit_breakers: Object.fromEntries(breakers.map(({ name, state }) => [name, state])),
      cache: { connections: cache.connections },
    },
  };
}

function describeServer({
  name,
  status,
  weight,
  breaker,
  connections,
}: DatabaseServer): Static<typeof Health>['services']['connection_manager']['servers'][number] {
  const { up, role, lagMs } = status;
  return { name, up, role, lag_ms: lagMs, weight, circuit_breaker: breaker.state, connections };
}
