import { randomUUID } from 'node:crypto';

import type { Environment } from '../config/environment.js';
import { sanitizePrefix } from '../config/prefix.js';
import type { Settings } from '../config/settings.js';
import type { StoreContext } from '../store/metric-store.js';
import { serviceNameOf } from './resource.js';

export type Identity = Pick<StoreContext, 'prefix' | 'project' | 'lease'>;

/** The application's main file. Under PM2 in cluster mode `argv` names PM2's own. */
export function mainScript(environment: Environment): string | undefined {
  return environment['pm_exec_path'] ?? process.argv[1];
}

/** The identity of this process by its settings; `main`: the application's main file. */
export function identityOf(
  settings: Settings,
  main: string | undefined,
): Identity & { readonly serviceName: string } {
  const serviceName = serviceNameOf(settings.serviceName, main);
  const project = settings.prefix ?? serviceName;
  return { serviceName, project, prefix: sanitizePrefix(project), lease: randomUUID() };
}
