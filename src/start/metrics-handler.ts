import type { IncomingMessage, ServerResponse } from 'node:http';

import { orchestratorError, type OrchestratorError } from '../errors.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import { collectBody } from '../prometheus/exposition.js';
import { plain } from '../server/scrape/scraper.js';
import { running } from './running.js';

/** An exposition as a whole. */
export interface CollectedMetrics {
  /** For the Content-Type header of the reply. */
  readonly contentType: string;
  readonly body: Buffer;
}

/**
 * A request handler with the metrics of the whole project, for any server or framework that takes `(req, res)`:
 * `app.get('/metrics', metricsHandler())`. It answers 503 while the orchestrator does not run.
 */
export function metricsHandler(): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const scraper = running()?.scraper;
    if (scraper === undefined) plain(response, 503, `${notRunning().message}\n`);
    else void scraper.serve(request, response);
  };
}

/**
 * The metrics of the whole project, for frameworks with replies of their own.
 *
 * @param accept the Accept header of the request; several are joined with a comma
 * @throws ORCHESTRATOR_NOT_RUNNING, or the reason why the store cannot be read
 */
export async function collectMetrics(accept?: string): Promise<CollectedMetrics> {
  const scraper = running()?.scraper;
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
