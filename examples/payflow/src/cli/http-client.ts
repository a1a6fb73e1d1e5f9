import { Agent, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly replayed: boolean;
}

/** A client that keeps its connections, for the load script, the seed and the drill. */
export class ApiClient {
  readonly #base: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #timeoutMs: number;

  constructor(base: string, timeoutMs = 10_000) {
    this.#base = base;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws when there is no answer: it is then not known whether the request was done */
  async call(
    method: string,
    path: string,
    key?: string,
    body?: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(path, this.#base);
    return new Promise((resolve, reject) => {
      const open = url.protocol === 'https:' ? requestHttps : requestHttp;
      const request = open(
        url,
        {
          method,
          ...(url.protocol === 'http:' && { agent: this.#agent }),
          timeout: this.#timeoutMs,
          headers: {
            ...(key !== undefined && { 'x-api-key': key }),
            ...(payload !== undefined && {
              'content-type': 'application/json',
              'content-length': Buffer.byteLength(payload),
            }),
            ...headers,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (piece: string) => (text += piece));
          response.on('error', reject);
          response.on('end', () => {
            const json = (response.headers['content-type'] ?? '').includes('json');
            resolve({
              status: response.statusCode ?? 0,
              body: json ? (JSON.parse(text) as Record<string, unknown>) : { text },
              replayed: response.headers['idempotency-replayed'] === 'true',
            });
          });
        },
      );
      request.on('timeout', () => request.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)));
      request.on('error', reject);
      request.end(payload);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
