import { once } from 'node:events';
import { Agent, type OutgoingHttpHeaders, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';

const agent = new Agent({ keepAlive: true, maxSockets: 50 });

/** Sends a request to 127.0.0.1 and reads the whole answer. */
export function fetchStatus(
  port: number,
  path: string,
  method = 'GET',
  headers: OutgoingHttpHeaders = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    request.on('error', reject);
    request.end();
  });
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const nothing = (): void => undefined;

/** A promise and the function that fulfils it. */
export function signal(): { readonly given: Promise<void>; give(): void } {
  let give = nothing;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give: () => give() };
}
