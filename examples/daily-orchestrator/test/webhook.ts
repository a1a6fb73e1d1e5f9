import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export interface Report {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of reports that answers with these statuses, then with 200. */
export async function webhook(
  t: TestContext,
  statuses: number[] = [],
): Promise<{ url: string; reports: Report[] }> {
  const reports: Report[] = [];
  const server = createServer((request, response) => void receive(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, reports };

  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const piece of request) body += String(piece);
    reports.push({ headers: request.headers, body });
    response.statusCode = statuses.shift() ?? 200;
    response.end();
  }
}
