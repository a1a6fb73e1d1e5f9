import type { FastifyReply, FastifyRequest } from 'fastify';

import type { RouteConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Runtime } from '../server/runtime.js';
import type { Metrics } from '../telemetry/metrics.js';
import { ClientGone, type UpstreamResponse } from '../upstreams/target.js';
import type { Upstreams } from '../upstreams/upstreams.js';
import { admit, type Admitted } from './admission.js';
import { type Answer, sendCached } from './cached-send.js';
import type { Forwarding } from './forwarding.js';
import { type Headers, requestHeaders, responseHeaders } from './headers.js';
import { requestBody } from './request-body.js';
import type { ResponseCache } from './response-cache.js';

export interface ProxyDependencies {
  /** The configuration in force. */
  readonly runtime: () => Runtime;
  readonly upstreams: Upstreams;
  readonly forwarding: Forwarding;
  readonly cache: ResponseCache | undefined;
  readonly metrics: Metrics;
  /** Our name in `Via`. */
  readonly via: string;
}

const UNSAFE = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/** Hands a request to a service, and its answer to the client. */
export class Proxy {
  readonly #dependencies: ProxyDependencies;

  constructor(dependencies: ProxyDependencies) {
    this.#dependencies = dependencies;
  }

  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { runtime, forwarding, metrics } = this.#dependencies;
    let route = '';
    try {
      const admitted = await admit(runtime(), request.raw, forwarding, metrics);
      route = admitted.route.config.name;
      const answer = await this.#answer(request, reply, admitted);
      metrics.requests.add(1, { route, outcome: answer.result });
      return await this.#reply(request, reply, admitted, answer);
    } catch (error) {
      route = route || nameOf(runtime(), request);
      metrics.requests.add(1, { route, outcome: outcomeOf(error) });
      // Nobody is there who could read an answer.
      if (error instanceof ClientGone) return reply.hijack();
      throw error;
    }
  }

  async #answer(
    request: FastifyRequest,
    reply: FastifyReply,
    { route: { config }, path, identity }: Admitted,
  ): Promise<Omit<Answer, 'result'> & { readonly result: string; readonly origin: string }> {
    const { upstreams, cache, metrics } = this.#dependencies;
    const upstream = upstreams.get(config.upstream);
    const { body, repeatable } = await requestBody(request.raw, config);
    const headers = this.#requestHeaders(request, config, identity, body !== null);
    const clientGone = goneSignal(reply);
    const send = (more: Headers): Promise<UpstreamResponse> =>
      upstream.send(
        {
          method: request.method,
          path,
          headers: { ...headers, ...more },
          body,
          timeoutMs: config.timeoutMs,
          idleTimeoutMs: config.idleTimeoutMs,
        },
        { retry: repeatable ? config.retry : undefined, clientGone },
      );
    const origin = upstream.targets[0]?.url.origin ?? '';
    if (cache !== undefined && config.cache && request.method === 'GET' && headers['range'] === undefined) {
      const answer = await sendCached(
        cache,
        { route: config.name, path, headers, personal: identity !== undefined },
        send,
      );
      metrics.cacheRequests.add(1, { route: config.name, result: answer.result });
      return { ...answer, origin };
    }
    const response = await send({});
    if (cache !== undefined && UNSAFE.has(request.method) && response.statusCode < 400)
      await this.#forget(config, path);
    return {
      status: response.statusCode,
      headers: response.headers as Headers,
      body: response.body,
      result: 'proxied',
      origin,
    };
  }

  /** A change through one route is seen through every route that shows the same path. */
  async #forget({ upstream }: RouteConfig, path: string): Promise<void> {
    const { cache, runtime } = this.#dependencies;
    const routes = runtime().config.routes.filter((route) => route.cache && route.upstream === upstream);
    await Promise.all(routes.map(async ({ name: route }) => cache?.forget({ route, path })));
  }

  #requestHeaders(
    request: FastifyRequest,
    config: RouteConfig,
    identity: Admitted['identity'],
    hasBody: boolean,
  ): Headers {
    const { forwarding, via } = this.#dependencies;
    return requestHeaders(request.headers, {
      requestId: request.id,
      forwarded: forwarding.headers(request.raw),
      via,
      identity,
      changes: config.requestHeaders,
      hasBody,
    });
  }

  async #reply(
    request: FastifyRequest,
    reply: FastifyReply,
    { route, limitHeaders }: Admitted,
    answer: Omit<Answer, 'result'> & { readonly result: string; readonly origin: string },
  ): Promise<FastifyReply> {
    const { forwarding, via } = this.#dependencies;
    const { origin } = answer;
    const changes = route.config.responseHeaders;
    const publicOrigin = forwarding.publicOrigin(request.raw);
    reply.headers(responseHeaders(answer.headers, { via, origin, publicOrigin, changes }));
    reply.headers(limitHeaders);
    reply.code(answer.status);
    return reply.send(answer.body);
  }
}

function nameOf(runtime: Runtime, { raw, method }: FastifyRequest): string {
  const [path = '/'] = (raw.url ?? '/').split('?');
  return runtime.table.find(method, path)?.config.name ?? 'none';
}

function outcomeOf(error: unknown): string {
  if (error instanceof Problem) return error.code;
  return error instanceof ClientGone ? 'client_gone' : 'error';
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
