import { mountText } from '../http/express-route.js';

/**
 * Applications that `koa-mount` puts under a prefix. It cuts the prefix off `ctx.path` and puts it back behind them, and
 * `ctx.mountPath` has but the last one: when a request has ended, nothing says any more where it was. So the context's
 * `mountPath` becomes an accessor, and with the first prefix that is set, also `path` of the request and `_matchedRoute`, by
 * which `@koa/router` says what it matched. An application without koa-mount has one accessor that nobody calls.
 */
const MOUNTS: unique symbol = Symbol('orchestrator.mounts');
const MATCHED: unique symbol = Symbol('orchestrator.matched');

interface Entered {
  readonly prefix: string;
  /** The path with the prefix. */
  readonly before: string;
  /** The path without it, once it is set. */
  after: string | undefined;
  /** The path with the prefix was put back: at the end, or because `next` was called. */
  restored: boolean;
  /** `next` was called: what was mounted has not answered. */
  left: boolean;
}

export interface MountingContext {
  readonly path?: string;
  readonly app?: { readonly request?: object };
  [MOUNTS]?: Entered[];
  /** What `@koa/router` matched, and the prefix under which it did. */
  [MATCHED]?: { readonly route: unknown; readonly mount: string };
}

const watched = new WeakSet<object>();

/** @param prototype of the contexts of one application */
export function watchMounts(prototype: object): void {
  if (watched.has(prototype)) return;
  watched.add(prototype);
  Object.defineProperty(prototype, 'mountPath', {
    configurable: true,
    get(this: MountingContext) {
      return this[MOUNTS]?.at(-1)?.prefix;
    },
    set(this: MountingContext, prefix: unknown) {
      if (this.app?.request !== undefined) watchPaths(prototype, this.app.request);
      const before = this.path ?? '';
      const entered = { prefix: String(prefix), before, after: undefined, restored: false, left: false };
      (this[MOUNTS] ??= []).push(entered);
    },
  });
}

/** @param request the prototype of the requests of the application */
function watchPaths(prototype: object, request: object): void {
  if (watched.has(request)) return;
  watched.add(request);
  Object.defineProperty(prototype, '_matchedRoute', {
    configurable: true,
    get(this: MountingContext) {
      return this[MATCHED]?.route;
    },
    set(this: MountingContext, route: unknown) {
      this[MATCHED] = { route, mount: mountAt(this[MOUNTS] ?? [], this.path ?? '') };
    },
  });
  const path = findAccessor(request, 'path');
  if (path?.set === undefined) return;
  Object.defineProperty(request, 'path', {
    ...path,
    set(this: { readonly ctx?: MountingContext }, value: unknown) {
      path.set?.call(this, value);
      if (typeof value === 'string') this.ctx?.[MOUNTS]?.forEach((entered) => follow(entered, value));
    },
  });
}

function findAccessor(object: object, name: string): PropertyDescriptor | undefined {
  for (let holder: unknown = object; typeof holder === 'object' && holder !== null;) {
    const found = Object.getOwnPropertyDescriptor(holder, name);
    if (found !== undefined) return found;
    holder = Object.getPrototypeOf(holder);
  }
  return undefined;
}

function follow(entered: Entered, path: string): void {
  if (entered.after === undefined) entered.after = path;
  else if (path === entered.before) entered.restored = true;
  else if (path === entered.after && entered.restored) entered.left = true;
}

/** The prefixes of a request whose path is `path` now, from the outermost to the innermost. */
function mountAt(mounts: readonly Entered[], path: string): string {
  let rest = path;
  let mount = '';
  for (const { prefix, before, after } of mounts.toReversed()) {
    if (after !== rest) continue;
    mount = mountText(prefix) + mount;
    rest = before;
  }
  return mount;
}

/**
 * The prefix under which a request was answered; undefined for none.
 *
 * @param routed a router has matched a route
 */
export function mountOf(context: MountingContext, routed: boolean): string | undefined {
  if (routed) return context[MATCHED]?.mount;
  const inside = context[MOUNTS]?.filter(({ left }) => !left) ?? [];
  const mount = mountAt(inside, inside.at(-1)?.after ?? '');
  return mount === '' ? undefined : mount;
}
