import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { diag } from '@opentelemetry/api';

import { guarded } from '../guarded-listener.js';
import type { Instrumentation } from '../instrumentation.js';
import { applicationOf, findPackage, importEntry } from '../packages/installed-package.js';
import { mayLoad } from '../packages/may-load.js';
import { onModuleLoaded } from '../packages/module-loaded.js';
import { warning } from '../../warnings.js';
import * as all from './all-frameworks.js';
import type { EsmBuild, Framework } from './framework.js';

export interface FrameworkOptions {
  /** The application's main file; packages are found from there. Without it, ESM builds of Hono and NestJS are not seen. */
  readonly main?: string | undefined;
  /** Record the NestJS controller and method of each request, for `HttpServerOptions` with `names: ['prometheus-net']`. */
  readonly actions?: boolean | undefined;
}

/** Lets the frameworks that the application loads from now on tell the route of each request. */
export function instrumentFrameworks({ main, actions = false }: FrameworkOptions = {}): Instrumentation {
  const frameworks = Object.values<Framework>(all).filter(
    ({ actionsOnly }) => actions || actionsOnly !== true,
  );
  const ends: Array<() => void> = [];
  const patches = frameworks.filter(({ patch }) => patch !== undefined);
  if (
    mayLoad(
      patches.flatMap(({ packages }) => packages),
      main,
    )
  )
    ends.push(onModuleLoaded((exports) => patches.some(({ patch }) => patch?.(exports))));
  for (const { name, channel } of frameworks) {
    if (channel === undefined) continue;
    const listener = guarded(`routes of ${name} are not recognized`, channel.onMessage);
    subscribe(channel.name, listener);
    ends.push(() => void unsubscribe(channel.name, listener));
  }
  if (main !== undefined) loadEsmFrameworks(main, frameworks);
  return {
    stop() {
      for (const end of ends.splice(0)) end();
    },
  };
}

/**
 * No hook of Node shows us an ESM package before its first use on all versions that we support, so those that the
 * application declares are loaded a moment earlier than it would. `require` of ESM gives the application's own copy.
 */
function loadEsmFrameworks(main: string, frameworks: readonly Framework[]): void {
  const { dependencies, isEsm } = applicationOf(main);
  for (const { name, esm } of frameworks) {
    if (esm === undefined || !dependencies.has(esm.packageName)) continue;
    if (isEsm || esm.dual !== true) loadEsm(main, name, esm);
  }
}

function loadEsm(main: string, framework: string, { packageName, file, patch }: EsmBuild): void {
  const found = findPackage(packageName, main);
  if (found === undefined) return;
  const entry = file === undefined ? importEntry(found) : join(found.directory, file);
  // A CommonJS package is seen when the application loads it.
  if (entry === undefined || found.manifest['type'] !== 'module') return;
  try {
    const exports: unknown = createRequire(main)(entry);
    if (typeof exports === 'object' && exports !== null) patch(exports);
  } catch (error) {
    diag.warn(...warning('ORCHESTRATOR_ROUTES_UNKNOWN', { framework }), error);
  }
}
