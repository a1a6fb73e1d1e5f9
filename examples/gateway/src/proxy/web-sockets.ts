import { type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

import type { ObservableCallback } from '@opentelemetry/api';

import { Problem } from '../server/problem.js';
import type { Log } from '../telemetry/log.js';
import { admit } from './admission.js';
import { requestHeaders } from './headers.js';
import type { ProxyDependencies } from './proxy.js';

/** Lets WebSocket connections through to a service: the handshake is checked like a request, then bytes flow. */
export class WebSockets {
  readonly #dependencies: ProxyDependencies;
  readonly #log: Log;
  readonly #open = new Set<Duplex>();
  readonly #observe: ObservableCallback;

  constructor(dependencies: ProxyDependencies, log: Log) {
    this.#dependencies = dependencies;
    this.#log = log;
    this.#observe = (result) => result.observe(this.#open.size);
    dependencies.metrics.webSockets.addCallback(this.#observe);
  }

  /** For the event `upgrade` of the server. */
  readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    socket.on('error', () => socket.destroy());
    this.#connect(request, socket, head).catch((error: unknown) => {
      const problem = error instanceof Problem ? error : new Problem(500, 'error', 'Internal error.');
      if (!(error instanceof Problem)) this.#log.error({ err: error }, 'upgrade failed');
      refuse(socket, problem);
    });
  };

  async #connect(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { runtime, upstreams, forwarding, metrics, via } = this.#dependencies;
    const { route, path, identity } = await admit(runtime(), request, forwarding, metrics);
    const { config } = route;
    if (!config.websocket || request.headers.upgrade?.toLowerCase() !== 'websocket')
      throw new Problem(426, 'no_websocket', 'This route takes no upgrade.');
    const upstream = upstreams.get(config.upstream);
    const headers = requestHeaders(request.headers, {
      requestId: crypto.randomUUID(),
      forwarded: forwarding.headers(request),
      via,
      identity,
      changes: config.requestHeaders,
      hasBody: false,
    });
    const target = upstream.choose(false);
    const opened = await target.upgrade(path, headers, config.timeoutMs).catch((error: unknown) => {
      throw upstream.problemOf(error);
    });
    metrics.requests.add(1, { route: config.name, outcome: 'websocket' });
    socket.write(head101(opened.headers));
    if (head.length > 0) opened.socket.write(head);
    this.#join(socket, opened.socket);
  }

  #join(client: Duplex, service: Duplex): void {
    this.#open.add(client);
    const end = (): void => {
      this.#open.delete(client);
      client.destroy();
      service.destroy();
    };
    for (const side of [client, service]) side.on('error', end).on('close', end);
    client.pipe(service).pipe(client);
  }

  /** Ends what is still open. */
  close(): void {
    this.#dependencies.metrics.webSockets.removeCallback(this.#observe);
    for (const socket of this.#open) socket.destroy();
  }
}

function head101(headers: OutgoingHttpHeaders): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((item) => `${name}: ${String(item)}`),
  );
  const own = lines.filter((line) => !/^(?:connection|upgrade):/i.test(line));
  return [
    'HTTP/1.1 101 Switching Protocols',
    'connection: Upgrade',
    'upgrade: websocket',
    ...own,
    '',
    '',
  ].join('\r\n');
}

function refuse(socket: Duplex, { status, headers }: Problem): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...lines,
      'content-length: 0',
      'connection: close',
      '',
      '',
    ].join('\r\n'),
  );
}
