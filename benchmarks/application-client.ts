/** What benchmarks share that measure the requests of an application from another process. */
import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, get, type Server } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds. */
export interface Report {
  readonly p50: number;
  readonly p99: number;
}

const PAUSE_MS = 5;

export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Sends a message to a process, and resolves with its answer. */
export async function ask<T>(child: ChildProcess, message: string | number): Promise<T> {
  child.send(message);
  const [answer] = (await once(child, 'message')) as [T];
  return answer;
}

/** Milliseconds until the last byte. */
export async function timeOf(port: number, path: string, agent?: Agent): Promise<number> {
  const begin = performance.now();
  const request = get({ port, path, host: '127.0.0.1', agent, headers: { 'Accept-Encoding': 'gzip' } });
  const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
  if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
  response.resume();
  await once(response, 'end');
  return performance.now() - begin;
}

/** Asks the application while `goesOn`. Each request has its own time; not as fast as possible, which would measure the client. */
export async function timesOf(port: number, goesOn: (requests: number) => boolean): Promise<Report> {
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  while (goesOn(times.length)) {
    times.push(await timeOf(port, '/', agent));
    await sleep(PAUSE_MS);
  }
  agent.destroy();
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The process of the client: answers the message `seconds` with a {@link Report} over so many. */
export function runClient(port: number): void {
  process.on('message', (seconds: number) => {
    const end = performance.now() + seconds * 1000;
    void timesOf(port, () => performance.now() < end).then((report) => process.send?.(report));
  });
}
