import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import Module from 'node:module';

import { diag } from '@opentelemetry/api';

import { warning } from '../../warnings.js';

type Load = (this: unknown, request: string, ...rest: unknown[]) => unknown;

/** Node 22 and later publish on it what each `require` returned, so that nothing is patched there. */
const CHANNEL = 'tracing:module.require:end';
const PUBLISHES = Number(process.versions.node.split('.')[0]) >= 22;

/**
 * Calls `listener` with the exports of each package that is required, before the application gets them. Node's ESM loader
 * loads CommonJS packages through the same function, so `import express from 'express'` is seen as well. Relative requires
 * within packages are not reported.
 *
 * @returns ends it
 */
export function onModuleLoaded(listener: (exports: object) => void): () => void {
  const loaded = (request: unknown, exports: unknown): void => {
    if (!isPackage(request) || !isObject(exports)) return;
    try {
      listener(exports);
    } catch (error) {
      diag.error(...warning('ORCHESTRATOR_ROUTES_UNKNOWN', { framework: request }), error);
    }
  };
  return PUBLISHES ? subscribeToLoads(loaded) : patchLoad(loaded);
}

type Loaded = (request: unknown, exports: unknown) => void;

function subscribeToLoads(loaded: Loaded): () => void {
  const onMessage = (message: unknown): void => {
    const { id, result } = message as { id?: unknown; result?: unknown };
    loaded(id, result);
  };
  subscribe(CHANNEL, onMessage);
  return () => void unsubscribe(CHANNEL, onMessage);
}

function patchLoad(loaded: Loaded): () => void {
  const original: unknown = Reflect.get(Module, '_load');
  if (typeof original !== 'function') return () => undefined;
  const load = original as Load;
  let active = true;
  const observed: Load = function (request, ...rest) {
    const exports = load.call(this, request, ...rest);
    if (active) loaded(request, exports);
    return exports;
  };
  Reflect.set(Module, '_load', observed);
  return () => {
    active = false;
    // Another package may have wrapped ours in the meantime; then ours stays, and passes through.
    if (Reflect.get(Module, '_load') === observed) Reflect.set(Module, '_load', original);
  };
}

function isPackage(request: unknown): request is string {
  return typeof request === 'string' && !request.startsWith('.') && !request.startsWith('node:');
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** The exports of every loaded copy of a file; `suffix` is the end of its path with forward slashes. */
export function loadedFiles(suffix: string): unknown[] {
  return Object.entries(require.cache)
    .filter(([filename]) => filename.replaceAll('\\', '/').endsWith(suffix))
    .map(([, loaded]) => loaded?.exports);
}
