/** Where frameworks keep Node's request: Hapi in `raw.req`, Fastify in `raw`, Koa in `req`, Hono in `env.incoming`. */
const WRAPPERS: ReadonlyArray<readonly string[]> = [['raw', 'req'], ['raw'], ['req'], ['env', 'incoming']];

/** Node's request, of whatever a framework hands to a handler. */
export function rawRequest(request: object): object {
  for (const path of WRAPPERS) {
    let inner: unknown = request;
    for (const key of path) inner = isObject(inner) ? Reflect.get(inner, key) : undefined;
    if (isObject(inner) && 'headers' in inner && 'method' in inner) return inner;
  }
  return request;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
