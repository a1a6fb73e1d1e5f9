import { joinRoutes } from '../http/express-route.js';
import { setRouteSource } from '../http/route.js';
import { type MountingContext, mountOf, watchMounts } from './koa-mount.js';
import type { Framework } from './framework.js';

export const koa: Framework = {
  name: 'Koa',
  packages: ['koa'],
  patch(exports) {
    const prototype = koaPrototype(exports);
    if (prototype === undefined) return false;
    patchContexts(prototype);
    return true;
  },
};

/** A context of Koa, on which `@koa/router` leaves the path that it matched. */
interface KoaContext extends MountingContext {
  /** Read by Koa's own middleware ecosystem, and unchanged since koa-router 7. */
  readonly _matchedRoute?: string | RegExp | null;
}

interface KoaPrototype {
  /** The prototype of all contexts of the application. */
  readonly context: object;
  createContext: (request: object, response: unknown) => KoaContext;
}

const patched = new WeakSet<object>();

/** The prototype of what `require('koa')` returns; undefined for anything else. */
function koaPrototype(exports: object): KoaPrototype | undefined {
  if (typeof exports !== 'function') return undefined;
  const prototype: unknown = exports.prototype;
  return isKoaPrototype(prototype) ? prototype : undefined;
}

function isKoaPrototype(value: unknown): value is KoaPrototype {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.hasOwn(value, 'createContext') &&
    Object.hasOwn(value, 'handleRequest')
  );
}

function patchContexts(prototype: KoaPrototype): void {
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const { createContext } = prototype;
  prototype.createContext = function (request, response) {
    watchMounts(this.context);
    const context = createContext.call(this, request, response);
    setRouteSource(request, context, koaRoute);
    return context;
  };
}

function koaRoute(context: KoaContext): string | undefined {
  const { _matchedRoute: route } = context;
  const matched = route?.toString();
  const mount = mountOf(context, matched !== undefined);
  return matched === undefined ? mount : joinRoutes(mount ?? '', matched);
}
