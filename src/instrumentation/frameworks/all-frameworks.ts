/** One line for each framework. The exports of a package are offered to them in this order. */
export { express } from './express.js';
export { fastify } from './fastify.js';
export { koa } from './koa.js';
export { hapi } from './hapi.js';
export { nest } from './nest.js';
export { hono } from './hono.js';
