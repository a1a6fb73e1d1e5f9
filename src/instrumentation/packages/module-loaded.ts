import Module from 'node:module';

import { diag } from '@opentelemetry/api';

import { warning } from '../../warnings.js';

type Load = (this: unknown, request: string, ...rest: unknown[]) => unknown;

/**
 * Calls `listener` with the exports of each package that is required, before the application gets them. Node's ESM loader
 * loads CommonJS packages through the same function, so `import express from 'express'` is seen as well. Relative requires
 * within packages are not reported.
 *
 * @returns ends it
 */
export function onModuleLoaded(listener: (exports: object) => void): () => void {
  const original: unknown = Reflect.get(Module, '_load');
  if (typeof original !== 'function') return () => undefined;
  const load = original as Load;
  let active = true;
  const observed: Load = function (request, ...rest) {
    const exports = load.call(this, request, ...rest);
    if (active && isPackage(request) && isObject(exports)) {
      try {
        listener(exports);
      } catch (error) {
        diag.error(...warning('ORCHESTRATOR_ROUTES_UNKNOWN', { framework: request }), error);
      }
    }
    return exports;
  };
  Reflect.set(Module, '_load', observed);
  return () => {
    active = false;
    // Another package may have wrapped ours in the meantime; then ours stays, and passes through.
    if (Reflect.get(Module, '_load') === observed) Reflect.set(Module, '_load', original);
  };
}

function isPackage(request: unknown): boolean {
  return typeof request === 'string' && !request.startsWith('.') && !request.startsWith('node:');
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** The exports of a file that is loaded already; `suffix` is the end of its path with forward slashes. */
export function loadedFile(suffix: string): unknown {
  for (const [filename, loaded] of Object.entries(require.cache)) {
    if (filename.replaceAll('\\', '/').endsWith(suffix)) return loaded?.exports;
  }
  return undefined;
}
