import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { command, say } from '../src/cli/command.js';

/**
 * A stand-in for an external fraud check. `POST /check` approves what is below FRAUD_LIMIT (default 100000); `POST /behaviour`
 * with `{"delay_ms": 5000}` makes it slow, with `{"broken": true}` makes it fail.
 */
const behaviour = { delay_ms: 0, broken: false };
const LIMIT = Number(process.env['FRAUD_LIMIT'] ?? 100_000);

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  if (request.url === '/behaviour') {
    Object.assign(behaviour, body);
    return send(response, 200, behaviour);
  }
  if (behaviour.broken) return send(response, 500, { error: 'broken on purpose' });
  if (request.url?.startsWith('/health') === true) return send(response, 200, { status: 'ok' });
  await sleep(behaviour.delay_ms);
  send(response, 200, { approved: Number(body['amount']) < LIMIT });
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

command(async () => {
  const port = Number(process.env['PORT'] ?? 4000);
  const server = createServer((request, response) => {
    answer(request, response).catch(() => send(response, 400, { error: 'not understood' }));
  });
  server.listen(port, process.env['HOST'] ?? '127.0.0.1', () =>
    say(`The fraud check listens on port ${port}.`),
  );
});
