import { metricsHandler } from '@org/orchestrator';
import type { FastifyInstance, FastifyRequest } from 'fastify';

import type { Access } from '../config/gateway-config.js';
import type { Health } from '../health/dependencies.js';
import type { Settings } from '../settings/read-settings.js';
import type { Runtime } from './runtime.js';

export interface EndpointDependencies {
  readonly runtime: () => Runtime;
  readonly settings: Settings;
  readonly health: Health;
  /** The process ends: it is alive, but wants no more requests. */
  readonly stopping: () => boolean;
}

/** `/health`, `/status` and `/metrics`. */
export function ownEndpoints(
  app: FastifyInstance,
  { runtime, settings, health, stopping }: EndpointDependencies,
): void {
  const startedAt = new Date();

  app.get('/health/live', () => ({ status: 'up' }));

  app.get('/health/ready', async (_request, reply) => {
    const { status } = await health.report();
    const ready = status !== 'down' && !stopping();
    return reply.code(ready ? 200 : 503).send({ status: stopping() ? 'stopping' : status });
  });

  // Without hosts and errors: anybody may ask.
  app.get('/health', async (_request, reply) => {
    const { status, dependencies, upstreams } = await health.report();
    const brief = (parts: Readonly<Record<string, { status: string; latencyMs?: number }>>): object =>
      Object.fromEntries(
        Object.entries(parts).map(([name, part]) => [
          name,
          { status: part.status, latencyMs: part.latencyMs },
        ]),
      );
    const ready = status !== 'down' && !stopping();
    return reply.code(ready ? 200 : 503).send({
      status: stopping() ? 'stopping' : status,
      dependencies: brief(dependencies),
      upstreams: brief(upstreams),
    });
  });

  app.get('/status', guarded(runtime, 'status'), async (_request, reply) => {
    const report = await health.report();
    const { routes, flows } = runtime().config;
    return reply.code(report.status === 'down' ? 503 : 200).send({
      name: settings.appName,
      env: settings.appEnv,
      node: process.version,
      pid: process.pid,
      startedAt,
      routes: routes.map(({ name, path, methods, upstream }) => ({ name, path, methods, upstream })),
      actions: [...flows.keys()],
      ...report,
    });
  });

  const serveMetrics = metricsHandler();
  app.get('/metrics', guarded(runtime, 'metrics'), (request, reply) => {
    reply.hijack();
    serveMetrics(request.raw, reply.raw);
  });
}

/** The route of an own endpoint, with the authentication that the configuration asks for now. */
export function guarded(runtime: () => Runtime, endpoint: 'metrics' | 'orchestrate' | 'status') {
  return {
    onRequest: async (request: FastifyRequest): Promise<void> => {
      const access: Access | undefined = runtime().config.endpoints[endpoint];
      if (access !== undefined) await runtime().authenticator.authenticate(request.raw, access);
    },
  };
}
