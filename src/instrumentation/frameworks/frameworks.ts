import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import { diag } from '@opentelemetry/api';

import { guarded } from '../guarded-listener.js';
import type { Instrumentation } from '../instrumentation.js';
import { applicationOf, findPackage, importEntry } from '../packages/installed-package.js';
import { loadedFile, onModuleLoaded } from '../packages/module-loaded.js';
import { isNestCore, patchNestExecution } from './nest.js';
import { isExpress, patchExpress } from './express.js';
import { FASTIFY_CHANNEL, hookFastify } from './fastify.js';
import { isHapi, patchHapi } from './hapi.js';
import { honoClass, patchHono } from './hono.js';
import { koaPrototype, patchKoa } from './koa.js';
import { warning } from '../../warnings.js';

export interface FrameworkOptions {
  /** The application's main file; packages are found from there. Without it, ESM builds of Hono and NestJS are not seen. */
  readonly main?: string | undefined;
  /** Record the NestJS controller and method of each request, for {@link HttpServerOptions} `names: ['prometheus-net']`. */
  readonly actions?: boolean | undefined;
}

/** Lets the frameworks that the application loads from now on tell the route of each request. */
export function instrumentFrameworks({ main, actions = false }: FrameworkOptions = {}): Instrumentation {
  subscribe(FASTIFY_CHANNEL, onFastify);
  const forget = onModuleLoaded((exports) => onLoaded(exports, actions));
  if (main !== undefined) loadEsmFrameworks(main, actions);
  return {
    stop() {
      unsubscribe(FASTIFY_CHANNEL, onFastify);
      forget();
    },
  };
}

const onFastify = guarded('routes of Fastify are not recognized', hookFastify);

function onLoaded(exports: object, actions: boolean): void {
  if (isExpress(exports)) {
    patchExpress(exports);
    return;
  }
  const koa = koaPrototype(exports);
  if (koa !== undefined) patchKoa(koa);
  else if (isHapi(exports)) patchHapi();
  else if (actions && isNestCore(exports)) {
    patchNestExecution(loadedFile('/@nestjs/core/router/router-execution-context.js'));
  } else {
    const Hono = honoClass(exports);
    if (Hono !== undefined) patchHono(Hono);
  }
}

/**
 * No hook of Node shows us an ESM package before its first use on all versions that we support, so those that the
 * application declares are loaded a moment earlier than it would. `require` of ESM gives the application's own copy.
 */
function loadEsmFrameworks(main: string, actions: boolean): void {
  const { dependencies, isEsm } = applicationOf(main);
  // A CommonJS application gets Hono's CommonJS build, and that is seen when it is loaded.
  if (isEsm && dependencies.has('hono')) {
    withEsm(main, 'hono', undefined, (exports) => {
      const Hono = honoClass(exports);
      if (Hono !== undefined) patchHono(Hono);
    });
  }
  if (actions && dependencies.has('@nestjs/core')) {
    withEsm(main, '@nestjs/core', 'router/router-execution-context.js', patchNestExecution);
  }
}

function withEsm(main: string, name: string, file: string | undefined, use: (exports: object) => void): void {
  const found = findPackage(name, main);
  if (found === undefined) return;
  const entry = file === undefined ? importEntry(found) : join(found.directory, file);
  // A CommonJS package is seen when the application loads it.
  if (entry === undefined || found.manifest['type'] !== 'module') return;
  try {
    const exports: unknown = createRequire(main)(entry);
    if (typeof exports === 'object' && exports !== null) use(exports);
  } catch (error) {
    diag.warn(...warning('ORCHESTRATOR_ROUTES_UNKNOWN', { framework: name }), error);
  }
}
