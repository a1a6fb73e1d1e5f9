import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';

import { allProjects } from './all-projects.js';
import { databasesAndClients } from './databases-and-clients.js';
import { hosts } from './host.js';
import { jobsAndQueues } from './jobs-and-queues.js';
import { orchestrator } from './orchestrator.js';
import { projectOverview } from './project-overview.js';
import { routes } from './routes.js';
import { runtime } from './runtime.js';

/** Name of the file in `dashboards/json` -> dashboard. */
export const BOARDS: Readonly<Record<string, Dashboard>> = {
  'all-projects': allProjects,
  'project-overview': projectOverview,
  routes,
  runtime,
  host: hosts,
  'databases-and-clients': databasesAndClients,
  'jobs-and-queues': jobsAndQueues,
  orchestrator,
};

/** What the file of a dashboard contains. */
export function boardText(board: Dashboard): string {
  return `${JSON.stringify(board, undefined, 2)}\n`;
}
