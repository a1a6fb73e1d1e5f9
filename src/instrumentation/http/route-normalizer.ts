import { pathOf } from './path.js';
import { RouteAdmission } from './route-admission.js';

const NUMBER = /^\d+$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** A comma, also as an escape. */
const LIST = /,|%2c/i;
/** A word that a person wrote may hold a digit or two (`oauth2`, `v10`); a generated one of this length holds more. */
const TOKEN_LENGTH = 8;
const TOKEN_DIGITS = 3;
const LONGEST_WORD = 32;
const MAX_SEGMENTS = 8;
const MAX_KNOWN_PATHS = 1000;
const LONGEST_KNOWN_PATH = 200;

export const OTHER_ROUTE = '{other}';

/**
 * A path as a template: numbers become `{id}`, UUIDs `{uuid}`, enumerations (ids with commas, the procedures of a batch of
 * tRPC) `{list}`, other segments that look generated `{token}`. Paths deeper than eight segments end in `{rest}`. `path`
 * begins with `/` and has no query.
 */
export function normalizePath(path: string): string {
  if (isPlain(path)) return path;
  const segments = path.split('/');
  const deep = segments.length > MAX_SEGMENTS + 1;
  if (deep) segments.length = MAX_SEGMENTS + 1;
  for (let index = 1; index < segments.length; index++) {
    segments[index] = normalizeSegment(segments[index] ?? '');
  }
  if (deep) segments.push('{rest}');
  return segments.join('/');
}

/** True for a path that is its own template, found out without taking it apart: letters, and few of them. */
function isPlain(path: string): boolean {
  if (path.length > LONGEST_WORD) return false;
  let slashes = 0;
  for (let index = 0; index < path.length; index++) {
    const code = path.charCodeAt(index);
    if (code === 47) slashes++;
    else if (code < 65 || code > 122) return false;
  }
  return slashes <= MAX_SEGMENTS;
}

function normalizeSegment(segment: string): string {
  if (segment === '') return '';
  if (NUMBER.test(segment)) return '{id}';
  if (segment.length === 36 && UUID.test(segment)) return '{uuid}';
  if (LIST.test(segment)) return '{list}';
  return looksGenerated(segment) ? '{token}' : segment;
}

function looksGenerated(segment: string): boolean {
  if (segment.length > LONGEST_WORD) return true;
  let digits = 0;
  for (let index = 0; index < segment.length; index++) {
    const code = segment.charCodeAt(index);
    if (code >= 48 && code <= 57) digits++;
    // `%` of an escape, `@` of an address, `=` and `:` of encoded data, anything outside ASCII: not a name of a route.
    else if (code === 37 || code === 64 || code === 61 || code === 58 || code > 126) return true;
  }
  return segment.length >= TOKEN_LENGTH && digits >= TOKEN_DIGITS;
}

export interface RouteNormalizerOptions {
  /** Distinct routes before everything new becomes `{other}`; default 200. */
  readonly maxRoutes?: number | undefined;
}

/** Routes for servers without a framework: paths as templates, as far as {@link RouteAdmission} takes them. */
export class RouteNormalizer {
  readonly #admission: RouteAdmission;
  /** Paths seen lately: taking a path apart costs more than everything else that is done for a request. */
  readonly #known = new Map<string, string>();

  constructor({ maxRoutes = 200 }: RouteNormalizerOptions = {}) {
    this.#admission = new RouteAdmission(maxRoutes);
  }

  /**
   * Undefined for a path that no request has succeeded with.
   *
   * @param url as Node gives it: with query, or absolute, or `*`
   * @param succeeded a status below 400 was sent
   */
  route(url: string, succeeded: boolean): string | undefined {
    const path = pathOf(url);
    if (path === undefined) return undefined;
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const route = normalizePath(path);
    if (!this.#admission.admits(route, succeeded)) return succeeded ? OTHER_ROUTE : undefined;
    if (path.length > LONGEST_KNOWN_PATH) return route;
    if (this.#known.size >= MAX_KNOWN_PATHS) this.#known.clear();
    this.#known.set(path, route);
    return route;
  }
}
