import type { ServerResponse } from 'node:http';

import { type ExpressRequest, joinRoutes, mountText, patternText } from '../http/express-route.js';
import { declaredRoute, ensureState } from '../http/request-state.js';
import type { Framework } from './framework.js';

/**
 * Express 4 and 5, NestJS on Express.
 *
 * Express forgets the pattern under which a router was mounted: `req.baseUrl` holds the values (`/tenants/acme`), and is
 * reset when a handler fails. So `use` and `route` write the pattern on the layer, and a layer that is entered writes it
 * in the request's state. When the layer calls `next`, it has not answered, and what was there before is put back. Of a
 * bundled Express, which no loader sees, the mount is not known.
 */
const PATTERN: unique symbol = Symbol('orchestrator.pattern');
const MOUNT: unique symbol = Symbol('orchestrator.mount');

type Next = (reason?: unknown) => void;
type Handle = (this: Layer, request: ExpressRequest, response: ServerResponse, next: Next) => unknown;

interface Layer {
  [PATTERN]?: string;
  /** The full route under the mount that was seen last. */
  [MOUNT]?: { readonly parent: string; readonly full: string };
  readonly route?: unknown;
}

interface Router {
  /** Private to Express: that it is there is not taken for granted. */
  readonly stack?: readonly Layer[];
}

interface RouterPrototype {
  use: (this: Router, ...handlers: unknown[]) => unknown;
  route: (this: Router, path: unknown) => unknown;
}

export const express: Framework = {
  name: 'Express',
  packages: ['express'],
  patch(exports) {
    if (!isExpress(exports)) return false;
    patchRouter(exports.Router);
    return true;
  },
};

/** True for what `require('express')` returns, whatever name it was installed under. */
function isExpress(exports: object): exports is { readonly Router: object } {
  return (
    typeof exports === 'function' && Object.hasOwn(exports, 'Router') && Object.hasOwn(exports, 'application')
  );
}

const patched = new WeakSet<object>();

function patchRouter(router: object): void {
  // Express 5 has a class-like Router; Express 4's Router is itself the prototype of all routers.
  const inner: unknown = Reflect.get(router, 'prototype');
  const prototype = isRouterPrototype(inner) ? inner : router;
  if (!isRouterPrototype(prototype) || patched.has(prototype)) return;
  patched.add(prototype);
  const { use, route } = prototype;
  prototype.use = function (...handlers) {
    const first = this.stack?.length ?? 0;
    const result = use.apply(this, handlers);
    const pattern = mountPattern(handlers[0]);
    if (pattern !== '') for (const layer of this.stack?.slice(first) ?? []) annotate(layer, pattern);
    return result;
  };
  prototype.route = function (path) {
    const result = route.call(this, path);
    const layer = this.stack?.at(-1);
    if (layer !== undefined) annotate(layer, patternText(path));
    return result;
  };
}

function isRouterPrototype(value: unknown): value is RouterPrototype {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'use' in value &&
    typeof value.use === 'function' &&
    'route' in value &&
    typeof value.route === 'function'
  );
}

/** Empty for `use(fn)` and `use([fn, fn])`; anything but a function in the first place is a path. */
function mountPattern(argument: unknown): string {
  let first = argument;
  while (Array.isArray(first) && first.length > 0) first = first[0];
  return typeof first === 'function' ? '' : mountText(argument);
}

function annotate(layer: Layer, pattern: string): void {
  layer[PATTERN] = pattern;
  const prototype: unknown = Object.getPrototypeOf(layer);
  if (typeof prototype !== 'object' || prototype === null || patched.has(prototype)) return;
  patched.add(prototype);
  // `handleRequest` in Express 5, `handle_request` in Express 4.
  for (const name of ['handleRequest', 'handle_request']) {
    const original: unknown = Reflect.get(prototype, name);
    if (typeof original === 'function') Reflect.set(prototype, name, entering(original as Handle));
  }
}

function entering(original: Handle): Handle {
  return function (this: Layer, request, response, next) {
    const pattern = this[PATTERN];
    return original.call(
      this,
      request,
      response,
      pattern === undefined ? next : enter(this, pattern, request, response, next),
    );
  };
}

/** @returns the `next` of this layer */
function enter(
  layer: Layer,
  pattern: string,
  request: ExpressRequest,
  response: ServerResponse,
  next: Next,
): Next {
  const state = ensureState(request);
  const { mount, source, subject } = state;
  const isMount = layer.route === undefined;
  if (state.answered) return next;
  // A pattern that matched nothing of the path (`{/:lang}`) leads nowhere.
  if (isMount && request.baseUrl === (mount?.baseUrl ?? '')) return next;
  const full = fullRoute(layer, mount?.pattern ?? '', pattern);
  if (isMount) state.mount = { baseUrl: request.baseUrl ?? '', pattern: full };
  state.source = declaredRoute;
  state.subject = full;
  return (reason) => {
    state.mount = mount;
    if (response.headersSent) state.answered = true;
    else if (!isFailure(reason)) {
      state.source = source ?? declaredRoute;
      state.subject = source === undefined ? undefined : subject;
    }
    next(reason);
  };
}

/** One concatenation per layer instead of one per request. */
function fullRoute(layer: Layer, parent: string, pattern: string): string {
  let known = layer[MOUNT];
  if (known?.parent !== parent) {
    known = { parent, full: joinRoutes(parent, pattern) };
    layer[MOUNT] = known;
  }
  return known.full;
}

/** `next('route')` and `next('router')` go on behind what is being entered. */
function isFailure(reason: unknown): boolean {
  return reason !== undefined && reason !== null && reason !== 'route' && reason !== 'router';
}
