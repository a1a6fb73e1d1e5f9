import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import Fastify, { type FastifyInstance, LogController } from 'fastify';

import type { Settings } from '../settings/read-settings.js';
import type { Log } from '../telemetry/log.js';

const REQUEST_ID = /^[A-Za-z0-9._:+/=-]{1,128}$/;

/** A server without routes. */
export function createApp(settings: Settings, log: Log, stopping: () => boolean): FastifyInstance {
  const { tlsCertFile, tlsKeyFile, tlsClientCaFile } = settings;
  const options = {
    loggerInstance: log,
    // A line for each request costs more than the request; the metrics count them. Level debug has them.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    bodyLimit: 1_048_576,
    requestTimeout: 60_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle' as const,
    // What comes by a connection that is still open is answered like any other request.
    return503OnClosing: false,
    genReqId: ({ headers }: { headers: Record<string, unknown> }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
    routerOptions: { ignoreDuplicateSlashes: false, maxParamLength: 4096 },
  };
  const app = (tlsCertFile === ''
    ? Fastify(options)
    : Fastify({
        ...options,
        https: {
          cert: readFileSync(tlsCertFile),
          key: readFileSync(tlsKeyFile),
          // Whether a certificate is needed is a matter of the route.
          ...(tlsClientCaFile !== '' && {
            ca: readFileSync(tlsClientCaFile),
            requestCert: true,
            rejectUnauthorized: false,
          }),
        },
      })) as unknown as FastifyInstance;
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // The client asks again by another connection, which another process takes.
    if (stopping()) reply.header('connection', 'close');
  });
  app.addHook('onResponse', async (request, reply) => {
    request.log.debug(
      {
        method: request.method,
        url: request.url,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      'answered',
    );
  });
  return app;
}
