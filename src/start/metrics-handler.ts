import type { IncomingMessage, ServerResponse } from 'node:http';

import { orchestratorError, type OrchestratorError } from '../errors.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import { collectBody } from '../prometheus/exposition.js';
import { plainResponse } from '../server/plain-response.js';
import { awakened } from './running.js';

/** One scrape as a whole. */
export interface CollectedMetrics {
  /** The value of the reply's Content-Type header. */
  readonly contentType: string;
  /** Not compressed. */
  readonly body: Buffer;
}

/** Options of {@link metricsHandler}. */
export interface MetricsHandlerOptions {
  /**
   * Whether a token or a user is asked for, if any are set (docs/security.md). `false`: the application has found out who
   * asks. Default true.
   */
  readonly authenticate?: boolean | undefined;
}

/**
 * A request handler that answers with the metrics of the whole project, for any server or framework that takes `(req, res)`.
 * It negotiates format and gzip by the request's headers (docs/exposition.md). It answers 503 with the reason while the
 * orchestrator does not run or the store cannot be read within nine tenths of the scraper's timeout (10 s if it says none).
 * Whoever has no token is answered 401, if tokens or users are set. It never throws, and leaves a response alone that a middleware has begun.
 *
 * @example
 * ```ts
 * app.get('/metrics', metricsHandler());
 * ```
 */
export function metricsHandler(
  options: MetricsHandlerOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const { authenticate = true } = options;
  return (request, response) => {
    const { scraper, serve } = awakened() ?? {};
    if (scraper === undefined || serve === undefined)
      plainResponse(response, 503, `${notRunning().message}\n`);
    else void (authenticate ? serve(request, response) : scraper.serve(request, response));
  };
}

/**
 * The metrics of the whole project in one buffer, for frameworks with replies of their own. The process stays alive until it
 * settles.
 *
 * @example
 * ```ts
 * app.get('/metrics', async (request, reply) => {
 *   const { contentType, body } = await collectMetrics(request.headers.accept);
 *   return reply.type(contentType).send(body);
 * });
 * ```
 *
 * @param accept the Accept header of the request; several are joined with a comma. Default: Prometheus text 0.0.4
 * @throws ORCHESTRATOR_NOT_RUNNING while the orchestrator does not run in this process; ORCHESTRATOR_STORE_UNAVAILABLE if the
 *   store is not read within 10 s; else the store's own error, such as ORCHESTRATOR_SCHEMA_MISMATCH
 */
export async function collectMetrics(accept?: string): Promise<CollectedMetrics> {
  const scraper = awakened()?.scraper;
  if (scraper === undefined) throw notRunning();
  return keepAlive(
    scraper
      .collect(accept)
      .then(async ({ contentType, body }) => ({ contentType, body: await collectBody(body) })),
  );
}

function notRunning(): OrchestratorError {
  return orchestratorError('ORCHESTRATOR_NOT_RUNNING', 'absent', {});
}
