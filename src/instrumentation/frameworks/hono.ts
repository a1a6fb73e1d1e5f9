import { declaredRoute, ensureState } from '../http/request-state.js';
import type { Framework } from './framework.js';

export const hono: Framework = {
  name: 'Hono',
  packages: ['hono'],
  patch: patchHono,
  esm: { packageName: 'hono', dual: true, patch: patchHono },
};

/** A context of Hono on `@hono/node-server`, which passes Node's request as `c.env.incoming`. */
interface HonoContext {
  readonly env?: { readonly incoming?: object };
}

type Next = () => unknown;
type Handler = (context: HonoContext, next: Next) => unknown;

interface Router {
  add: (method: string, path: string, handler: unknown) => void;
}

type HonoClass = new () => { readonly router?: unknown };

const patched = new WeakSet<object>();

/** The class in what `require('hono')` or `import 'hono'` returns; undefined for anything else. */
function honoClass(exports: object): HonoClass | undefined {
  if (!('Hono' in exports) || typeof exports.Hono !== 'function') return undefined;
  return exports.Hono as HonoClass;
}

/** Every handler passes through the router's public `add` with the path that it was declared with. */
function patchHono(exports: object): boolean {
  const Hono = honoClass(exports);
  if (Hono === undefined) return false;
  patchRouter(Hono);
  return true;
}

function patchRouter(Hono: HonoClass): void {
  const { router } = new Hono();
  const prototype: unknown = typeof router === 'object' ? Object.getPrototypeOf(router) : undefined;
  if (!isRouter(prototype) || patched.has(prototype)) return;
  patched.add(prototype);
  const { add } = prototype;
  prototype.add = function (method, path, handler) {
    add.call(
      this,
      method,
      path,
      isHandlerPair(handler) ? [announced(handler[0], method, path), handler[1]] : handler,
    );
  };
}

function isRouter(value: unknown): value is Router {
  return typeof value === 'object' && value !== null && 'add' in value && typeof value.add === 'function';
}

function isHandlerPair(value: unknown): value is readonly [Handler, unknown] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === 'function';
}

function announced(handler: Handler, method: string, path: string): Handler {
  // Middleware of the whole application says that Hono is here, but no route.
  const route = method === 'ALL' && (path === '*' || path === '/*') ? undefined : path;
  return (context, next) => {
    const raw = context.env?.incoming;
    return raw === undefined ? handler(context, next) : handler(context, enter(raw, route, next));
  };
}

/** @returns the `next` of the handler: one that calls it has not answered, and what was there before is put back */
function enter(request: object, route: string | undefined, next: Next): Next {
  const state = ensureState(request);
  state.source = declaredRoute;
  if (route === undefined) return next;
  const { subject } = state;
  state.subject = route;
  return () => {
    state.subject = subject;
    return next();
  };
}
