import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One kind of request, and the answer that the fixture gives to it. */
export interface Route {
  readonly method: string;
  readonly path: string;
  /** What the application counts it as. */
  readonly route: string;
  readonly status: number;
}

/** What the fixtures' server answers; a test drives known numbers of each. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/ok', route: '/ok', status: 200 },
  { method: 'GET', path: '/users/42', route: '/users/{id}', status: 200 },
  { method: 'POST', path: '/orders', route: '/orders', status: 201 },
  { method: 'GET', path: '/nowhere', route: '/nowhere', status: 404 },
  { method: 'GET', path: '/broken', route: '/broken', status: 500 },
];

type Answered = Pick<Route, 'method' | 'route' | 'status'>;

/** What a client got: the ground truth that metrics are compared with. */
export class Tally {
  readonly #counts = new Map<string, Answered & { count: number }>();
  /** Requests that got no answer. */
  failed = 0;
  /** Answers with another status than the route's. */
  unexpected = 0;

  add({ method, route, status }: Answered): void {
    const key = JSON.stringify([method, route, status]);
    const entry = this.#counts.get(key) ?? { method, route, status, count: 0 };
    entry.count++;
    this.#counts.set(key, entry);
  }

  /** The number of answers that match; all of them by default. */
  count(filter: Partial<Answered> = {}): number {
    let sum = 0;
    for (const { method, route, status, count } of this.#counts.values()) {
      if ((filter.method ?? method) !== method || (filter.route ?? route) !== route) continue;
      if ((filter.status ?? status) === status) sum += count;
    }
    return sum;
  }
}

export interface LoadOptions {
  /** Requests in all, dealt to the ports and routes in turn. */
  readonly requests: number;
  readonly ports: readonly number[];
  /** Requests under way at a time. Default 16. */
  readonly concurrency?: number;
  readonly routes?: readonly Route[];
  /** Added to; default a new one. */
  readonly tally?: Tally;
  /** Milliseconds that each of the concurrent senders rests after an answer. Default 0. */
  readonly pauseMs?: number;
  /** Stops early. */
  readonly until?: () => boolean;
}

/** A request that is not answered by then counts as failed; nothing in the fixtures takes long. */
const REQUEST_TIMEOUT_MS = 15_000;

/** Sends requests and counts what it got. Never rejects: a failed request is counted as one. */
export async function drive(options: LoadOptions): Promise<Tally> {
  const {
    requests,
    ports,
    concurrency = 16,
    routes = ROUTES,
    tally = new Tally(),
    until = () => false,
    pauseMs = 0,
  } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests && !until()) {
      const index = next++;
      const port = ports[index % ports.length];
      const route = routes[Math.floor(index / ports.length) % routes.length];
      if (port === undefined || route === undefined) throw new Error('no port or no route to drive');
      await send(agent, port, route, tally);
      if (pauseMs > 0) await sleep(pauseMs);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
  return tally;
}

async function send(agent: Agent, port: number, route: Route, tally: Tally): Promise<void> {
  try {
    const status = await requestOnce(agent, port, route);
    tally.add({ ...route, status });
    if (status !== route.status) tally.unexpected++;
  } catch {
    tally.failed++;
  }
}

function requestOnce(agent: Agent, port: number, { method, path }: Route): Promise<number> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const outgoing = request({ agent, port, host: '127.0.0.1', method, path, signal }, (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
