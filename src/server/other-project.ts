import type { IncomingMessage, ServerResponse } from 'node:http';

import { plainResponse } from './plain-response.js';

export interface ProjectNames {
  /** As it stands in keys. */
  readonly prefix: string;
  /** As it was given. */
  readonly project: string;
}

/**
 * Answers 421 if the request names another project: `/metrics?project=hr`. A scrape configuration with that parameter never
 * records the numbers of a project that has come to the port since.
 *
 * @returns whether it answered
 */
export function refuseOtherProject(
  { url }: IncomingMessage,
  response: ServerResponse,
  { prefix, project }: ProjectNames,
): boolean {
  const query = url?.indexOf('?') ?? -1;
  if (url === undefined || query === -1) return false;
  const asked = new URLSearchParams(url.slice(query + 1)).getAll('project');
  if (asked.length === 0 || asked.includes(prefix) || asked.includes(project)) return false;
  plainResponse(
    response,
    421,
    `The project ${JSON.stringify(prefix)} answers here, not ${JSON.stringify(asked[0]?.slice(0, 100))}. ` +
      'Give each project of a host a port of its own, by OTEL_EXPORTER_PROMETHEUS_PORT.\n',
  );
  return true;
}
