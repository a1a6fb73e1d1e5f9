import type { IncomingMessage } from 'node:http';

import type { ServedProject } from './project-directory.js';

export interface Discovery {
  /** Path of the exposition. */
  readonly metricsPath: string;
  readonly scheme: 'http' | 'https';
  /** `host:port` under which Prometheus reaches this server. Default: as the request for the list names it. */
  readonly advertise?: string | undefined;
}

/** One target of Prometheus' HTTP service discovery (Prometheus documentation, "HTTP SD"). */
export interface TargetGroup {
  readonly targets: readonly [string];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * One target for each project: the same server, with another parameter. The label `project` stays on all series; Prometheus
 * takes away what begins with two underscores.
 */
export function discoveredTargets(
  projects: readonly ServedProject[],
  { headers, socket }: IncomingMessage,
  { metricsPath, scheme, advertise }: Discovery,
): TargetGroup[] {
  const target = advertise ?? headers.host ?? `${socket.localAddress}:${socket.localPort}`;
  return projects.map(({ prefix, project }) => ({
    targets: [target],
    labels: {
      __scheme__: scheme,
      __metrics_path__: metricsPath,
      __param_project: prefix,
      __meta_orchestrator_project_name: project,
      project: prefix,
    },
  }));
}
