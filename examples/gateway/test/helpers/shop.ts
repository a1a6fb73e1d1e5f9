import { type Server, startPostgres } from '../../demo/servers.js';
import { orderService } from '../../services/order-service.js';
import type { Effect, Service } from '../../services/service.js';
import { userService } from '../../services/user-service.js';
import { migrate } from '../../src/flows/database.js';
import { readSettings } from '../../src/settings/read-settings.js';

/** A database with the tables of flows, and both services of the demo in this process. */
export interface Shop {
  readonly postgres: Server;
  readonly order: Service;
  readonly user: Service;
  /** For a gateway. */
  readonly env: Readonly<Record<string, string>>;
  /** What both services did for an order, in order of their names. */
  effectsOf(order: string): string[];
  stop(): Promise<void>;
}

export async function startShop(): Promise<Shop> {
  const [order, user, postgres] = [orderService(), userService(), await startPostgres()];
  const env = {
    DB_CONNECTION: 'pgsql',
    DB_PORT: String(postgres.port),
    SERVICE_ORDER_BASE_URL: await order.listen(0),
    SERVICE_USER_BASE_URL: await user.listen(0),
  };
  await migrate(readSettings(env));
  return {
    postgres,
    order,
    user,
    env,
    effectsOf: (id) =>
      [...order.effects, ...user.effects]
        .filter((effect: Effect) => effect.order === id)
        .map(({ kind }) => kind)
        .toSorted(),
    async stop() {
      await Promise.all([order.app.close(), user.app.close(), postgres.stop()]);
    },
  };
}

export interface FlowAnswer {
  readonly id: string;
  readonly status: string;
  readonly result: unknown;
  readonly error: { readonly step: string; readonly reason: string; readonly message: string } | null;
  readonly steps: ReadonlyArray<{
    readonly step: string;
    readonly status: string;
    readonly attempts: number;
  }>;
}

export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<{
  readonly status: number;
  readonly headers: Headers;
  readonly body: FlowAnswer & { readonly code?: string; readonly detail?: string };
}> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as FlowAnswer };
}

export async function flowOf(url: string, id: string): Promise<FlowAnswer> {
  const response = await fetch(`${url}/orchestrate/${id}`);
  return (await response.json()) as FlowAnswer;
}

export const ORDER = { user: '1', amount: 5, items: [{ sku: 'apple', quantity: 1 }] };

/** The next request of a path, before anything is done; `release` lets it go on. */
export async function nextRequest(service: Service, path: string): Promise<{ release(): void }> {
  return new Promise((resolve) => {
    service.hold(path, (release) => resolve({ release }));
  });
}
