import { setRouteSource } from '../http/route.js';
import { loadedFiles } from '../packages/module-loaded.js';
import type { Framework } from './framework.js';

export const hapi: Framework = {
  name: 'Hapi',
  packages: ['@hapi/hapi'],
  patch(exports) {
    if (!isHapi(exports)) return false;
    for (const requestClass of loadedFiles('/@hapi/hapi/lib/request.js')) patchRequests(requestClass);
    return true;
  },
};

interface HapiRequest {
  readonly route?: { readonly path?: string; readonly method?: string };
}

/** The constructor of Hapi's requests. */
interface HapiRequestClass {
  generate: (server: unknown, request: object, ...rest: unknown[]) => HapiRequest;
}

const patched = new WeakSet<object>();

/** True for what `require('@hapi/hapi')` returns. */
function isHapi(exports: object): boolean {
  return (
    typeof exports === 'object' &&
    Object.hasOwn(exports, 'Server') &&
    Object.hasOwn(exports, 'server') &&
    !('Http' in exports)
  );
}

/** @param requestClass Hapi keeps it to itself; the file that holds it is loaded when Hapi is */
function patchRequests(requestClass: unknown): void {
  if (!isRequestClass(requestClass) || patched.has(requestClass)) return;
  patched.add(requestClass);
  const { generate } = requestClass;
  requestClass.generate = function (server, raw, ...rest) {
    const request = generate.call(this, server, raw, ...rest);
    setRouteSource(raw, request, hapiRoute);
    return request;
  };
}

function isRequestClass(value: unknown): value is HapiRequestClass {
  return typeof value === 'function' && 'generate' in value && typeof value.generate === 'function';
}

function hapiRoute({ route }: HapiRequest): string | undefined {
  // Requests that match nothing are given a route of their own, whose path would look like a catch-all.
  return route === undefined || route.method === '_special' ? undefined : route.path;
}
