import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';

import { AccessControl, type AccessSettings } from '../access/access-control.js';
import { AllowedHosts, isLoopback } from '../access/allowed-hosts.js';
import { plainResponse } from '../plain-response.js';
import { type Warn, warning } from '../../warnings.js';
import { limitConnections } from './connection-limit.js';
import { MAX_HEADERS, wrongShape } from './request-shape.js';
import { RequestsInFlight } from './requests-in-flight.js';
import { TlsFiles, type TlsSettings, wantsTls } from './tls-files.js';

/** Open at the same time; more end the one that has waited longest. */
const MAX_CONNECTIONS = 256;

/** How often the TLS files are looked at, in milliseconds: a scraper's connection may be open for days, and the next one gets what is there then. */
const TLS_LOOK_MS = 10_000;

const LIMITS: ServerOptions = {
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 75_000,
  // Node looks every 30 s by itself, so that slow clients would have 30 s.
  connectionsCheckingInterval: 2000,
  // Both can be changed for a whole process, by an option of node that an application may need for itself.
  maxHeaderSize: 16 * 1024,
  insecureHTTPParser: false,
};

/** The settings of everything that serves metrics, by their names there. */
export interface EndpointSettings extends AccessSettings, TlsSettings {
  readonly metricsAllowedHosts: readonly string[];
}

/** Answers a request that came through in good shape; it has yet to be admitted: {@link AccessControl.admit}. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * What every server of metrics has in common: HTTP or TLS, limits on what clients can take, and who gets in. It needs no SDK,
 * no store and no preload.
 *
 * @example
 * ```ts
 * const endpoint = new Endpoint(settings, '0.0.0.0', warn);
 * const server = endpoint.createServer(async (request, response) => {
 *   if (request.url === '/healthz') return plainResponse(response, 200, 'ok\n');
 *   if (!(await endpoint.access.admit(request, response, 'endpoint'))) return;
 *   …
 * });
 * server.listen(9464, '0.0.0.0', () => endpoint.warnIfOpen(9464));
 * ```
 */
export class Endpoint {
  readonly access: AccessControl;
  readonly scheme: 'http' | 'https';
  readonly #settings: EndpointSettings;
  readonly #host: string;
  readonly #hosts: AllowedHosts;
  readonly #warn: Warn;

  /** @param host that its servers are bound to */
  constructor(settings: EndpointSettings, host: string, warn: Warn) {
    this.access = new AccessControl(settings, warn);
    this.scheme = wantsTls(settings) ? 'https' : 'http';
    this.#settings = settings;
    this.#host = host;
    this.#hosts = new AllowedHosts(host, settings.metricsAllowedHosts);
    this.#warn = warn;
  }

  /**
   * A server that does not listen yet. Its connections do not keep the process alive.
   *
   * @throws ORCHESTRATOR_INVALID_SETTING if TLS is wanted and its files cannot be used
   */
  createServer(answer: Answer): Server {
    const inFlight = new RequestsInFlight();
    const receive = (request: IncomingMessage, response: ServerResponse): void => {
      if (this.#isRefused(request, response, inFlight)) return;
      answer(request, response).catch(() => response.destroy());
    };
    const server = this.scheme === 'https' ? this.#createTlsServer(receive) : createServer(LIMITS, receive);
    // Node drops the lines that are too many without a word: one more, and they are seen.
    server.maxHeadersCount = MAX_HEADERS + 1;
    limitConnections(server, MAX_CONNECTIONS);
    // What comes at once beyond that is dropped by Node before it costs anything; a moment later there is room again.
    server.maxConnections = 2 * MAX_CONNECTIONS;
    server.on('connection', (socket) => socket.unref());
    return server;
  }

  /** Warns if everyone who reaches the host can read everything. To be called when a server listens. */
  warnIfOpen(port: number): void {
    if (this.access.isRequired || isLoopback(this.#host)) return;
    this.#warn(...warning('ORCHESTRATOR_OPEN_TO_ALL', { host: this.#host, port }));
  }

  #createTlsServer(receive: (request: IncomingMessage, response: ServerResponse) => void): Server {
    const files = new TlsFiles(this.#settings, this.#warn);
    const server = createTlsServer(
      {
        ...LIMITS,
        ...files.readNow(),
        handshakeTimeout: 5000,
        // Without a certificate a probe still gets to know whether the process is alive.
        requestCert: this.#settings.metricsClientCa !== undefined,
        rejectUnauthorized: false,
      },
      receive,
    );
    let looking: NodeJS.Timeout | undefined;
    server.on('listening', () => {
      looking = setInterval(() => {
        void files.changed().then((options) => {
          if (options !== undefined) server.setSecureContext(options);
        });
      }, TLS_LOOK_MS).unref();
    });
    server.on('close', () => clearInterval(looking));
    return server;
  }

  /** Whether it was answered, because it is wrong or one too many, whatever it asks for. */
  #isRefused(request: IncomingMessage, response: ServerResponse, inFlight: RequestsInFlight): boolean {
    const wrong = inFlight.isTooMany(request, response) ? TOO_MANY : wrongShape(request, this.#hosts);
    if (wrong === undefined) return false;
    const { reason, status, text } = wrong;
    this.access.refusals.note(reason, request.socket.remoteAddress);
    // What follows on the connection is not to be trusted.
    plainResponse(response, status, text, { Connection: 'close' });
    return true;
  }
}

const TOO_MANY = { reason: 'overload', status: 503, text: 'Too many requests.\n' } as const;
