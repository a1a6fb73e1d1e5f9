import { randomUUID } from 'node:crypto';

import { sanitizePrefix } from '../../config/prefix.js';
import type { Settings } from '../../config/settings.js';
import type { StoreContext } from '../../store/metric-store.js';
import type { Warn } from '../../warnings.js';
import { warning } from '../../warnings.js';
import { type MainFile, packageName, packageNameBefore } from './main-file.js';
import { detectedServiceName } from './resource.js';

export type Identity = Pick<StoreContext, 'prefix' | 'project' | 'lease'>;

/** Names a project that has no name. */
const UNKNOWN = 'unknown_service';

/**
 * The identity of this process: the service by its setting, else by OpenTelemetry's variables, else by the application's
 * package.json; the project by its setting, else by the service.
 */
export function identityOf(
  settings: Pick<Settings, 'prefix' | 'serviceName'>,
  main: MainFile,
  warn: Warn,
): Identity & { readonly serviceName: string } {
  const configured = settings.serviceName ?? detectedServiceName();
  const serviceName = configured ?? packageName(main.from) ?? UNKNOWN;
  const project = settings.prefix ?? serviceName;
  if (settings.prefix === undefined && configured === undefined) {
    const before = packageNameBefore(main) ?? UNKNOWN;
    if (before !== serviceName) warn(...warning('ORCHESTRATOR_NAME_CHANGED', { name: serviceName, before }));
  }
  if (project === UNKNOWN) warn(...warning('ORCHESTRATOR_NO_NAME', {}));
  return { serviceName, project, prefix: sanitizePrefix(project), lease: randomUUID() };
}
