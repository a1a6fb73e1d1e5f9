import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A service of a test: a real server in this process, whose handler a test may change. */
export class TestUpstream {
  handler: Handler;
  /** `GET /path` of each request, in order. */
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor(handler: Handler) {
    this.handler = handler;
    this.#server = createServer((request, response) => {
      this.requests.push(`${request.method} ${request.url}`);
      this.handler(request, response);
    });
  }

  static async start(handler: Handler = answer()): Promise<TestUpstream> {
    const upstream = new TestUpstream(handler);
    upstream.#server.listen(0, '127.0.0.1');
    await once(upstream.#server, 'listening');
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get server(): Server {
    return this.#server;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Answers each request so, with what it got. */
export function answer(status = 200, headers: Record<string, string> = {}): Handler {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      const { method, url, headers: received } = request;
      response.end(
        JSON.stringify({ method, url, headers: received, body: Buffer.concat(chunks).toString() }),
      );
    });
  };
}

/** What {@link answer} tells of a request. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}
