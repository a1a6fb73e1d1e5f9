import { setAction } from '../http/action.js';
import { loadedFiles } from '../packages/module-loaded.js';
import type { Framework } from './framework.js';

/** The class that makes a handler of a controller's method. */
const EXECUTION_CONTEXT = 'router/router-execution-context.js';

/** Controllers and actions only: routes are those of Express or Fastify, on which NestJS runs. */
export const nest: Framework = {
  name: 'NestJS',
  packages: ['@nestjs/core'],
  actionsOnly: true,
  patch(exports) {
    if (!isNestCore(exports)) return false;
    for (const file of loadedFiles(`/@nestjs/core/${EXECUTION_CONTEXT}`)) patchExecutionContext(file);
    return true;
  },
  esm: { packageName: '@nestjs/core', file: EXECUTION_CONTEXT, patch: patchExecutionContext },
};

type Handler = (request: object, response: unknown, next: unknown) => unknown;

interface ExecutionContext {
  create: (instance: object, callback: unknown, methodName: string, ...rest: unknown[]) => Handler;
}

const patched = new WeakSet<object>();

/** True for what `require('@nestjs/core')` returns. */
function isNestCore(exports: object): boolean {
  return 'NestFactory' in exports && 'RouterModule' in exports;
}

/** Lets each NestJS handler name its controller class and method on the request. */
function patchExecutionContext(exports: unknown): void {
  if (typeof exports !== 'object' || exports === null || !('RouterExecutionContext' in exports)) return;
  const { RouterExecutionContext: type } = exports;
  const prototype: unknown = typeof type === 'function' ? type.prototype : undefined;
  if (!isExecutionContext(prototype) || patched.has(prototype)) return;
  patched.add(prototype);
  const { create } = prototype;
  prototype.create = function (instance, callback, methodName, ...rest) {
    const handler = create.call(this, instance, callback, methodName, ...rest);
    const action = { controller: instance.constructor.name, action: methodName };
    return (request, response, next) => {
      setAction(request, action);
      return handler(request, response, next);
    };
  };
}

function isExecutionContext(value: unknown): value is ExecutionContext {
  return (
    typeof value === 'object' && value !== null && 'create' in value && typeof value.create === 'function'
  );
}
