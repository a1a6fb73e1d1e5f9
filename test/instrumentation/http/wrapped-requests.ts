/** What each framework hands to a handler, around Node's request. */
export const WRAPPERS: Record<string, (request: object) => object> = {
  'node:http, Express, NestJS on Express': (request) => request,
  'Fastify, NestJS on Fastify': (request) => ({ raw: request, headers: {}, method: 'GET' }),
  Koa: (request) => ({ req: request, method: 'GET', headers: {} }),
  Hapi: (request) => ({ raw: { req: request, res: {} }, headers: {}, method: 'get' }),
  Hono: (request) => ({ env: { incoming: request }, req: { method: 'GET', raw: {} } }),
};

/** As much of Node's request as is read without a server. */
export const rawRequest = (): { method: string; headers: object; url: string } => ({
  method: 'GET',
  headers: {},
  url: '/users/17',
});
