import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RawRequest {
  /** Default `/metrics`. */
  readonly path?: string;
  readonly method?: string;
  /** Several values are several lines. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** What a server sent: `fetch` would ask for gzip and undo it by itself. On a connection of its own. */
export async function ask(port: number, options: RawRequest = {}): Promise<RawAnswer> {
  const response = await open(port, options);
  return { status: response.statusCode ?? 0, headers: response.headers, body: await read(response) };
}

/** The beginning of an answer; the rest comes when it is read. */
export async function open(
  port: number,
  { path = '/metrics', method = 'GET', headers = {} }: RawRequest = {},
): Promise<IncomingMessage> {
  const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return response;
}

/** The rest of an answer. Rejects when the connection breaks before its end. */
export async function read(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of response) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
