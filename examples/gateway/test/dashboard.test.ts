import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { WebSocket } from 'ws';

import { ROWS } from '../dashboard/panels.js';
import { type Server, startPrometheus, startRabbitMq, startRedis } from '../demo/servers.js';
import { eventually } from './helpers/eventually.js';
import { demoConfig } from './helpers/flows-config.js';
import { GatewayProcess } from './helpers/gateway-process.js';
import { ORDER, post, type Shop, startShop } from './helpers/shop.js';
import { answer, TestUpstream } from './helpers/upstream.js';

/** What Grafana puts in: all jobs, all upstreams, four scrapes. */
const VARIABLES = { $job: '.+', $upstream: '.+', $__rate_interval: '30s' };

function queryOf(expression: string): string {
  let query = expression;
  for (const [name, value] of Object.entries(VARIABLES)) query = query.replaceAll(name, value);
  return query;
}

describe('the dashboard, with a real Prometheus', () => {
  let shop: Shop;
  let redis: Server;
  let rabbit: Server;
  let prometheus: Server;
  let flaky: TestUpstream;
  let gateway: GatewayProcess;
  let dying: GatewayProcess;
  let running = true;
  let traffic: Promise<void>;
  const config = (): object => {
    const demo = demoConfig();
    return {
      ...demo,
      upstreams: {
        ...(demo['upstreams'] as object),
        flaky: {
          targets: [{ url: flaky.url }],
          breaker: { failureRatio: 0.5, window: 20, minimumCalls: 5, halfOpenAfterMs: 1000 },
          bulkhead: { concurrent: 1, queue: 0 },
        },
        socket: { targets: [{ url: flaky.url }] },
      },
      routes: [
        ...demo.routes,
        { name: 'flaky', path: '/flaky', upstream: 'flaky', retry: { count: 1, statuses: [503] } },
        { name: 'limited', path: '/limited', upstream: 'socket', rateLimit: { requests: 1, perSeconds: 60 } },
        { name: 'socket', path: '/socket', upstream: 'socket', websocket: true },
      ],
    };
  };

  before(async () => {
    flaky = await TestUpstream.start(answer(200));
    [shop, redis, rabbit] = await Promise.all([startShop(), startRedis(), startRabbitMq()]);
    const env = {
      ...shop.env,
      REDIS_HOST: '127.0.0.1',
      REDIS_PORT: String(redis.port),
      ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${redis.port}`,
      RABBITMQ_URL: `amqp://127.0.0.1:${rabbit.port}`,
      FLOW_LEASE_MS: '1000',
      FLOW_POLL_MS: '100',
    };
    gateway = await GatewayProcess.start({ config: config(), env });
    dying = await GatewayProcess.start({ config: config(), env });
    prometheus = await startPrometheus(gateway.metricsPort);
    traffic = askOnAndOn();
  });
  after(async () => {
    running = false;
    await traffic;
    await Promise.all([gateway.stop('SIGKILL'), dying.stop('SIGKILL'), prometheus.stop()]);
    await Promise.all([shop.stop(), redis.stop(), rabbit.stop(), flaky.stop()]);
  });

  /** All that the dashboard shows happens again and again: a rate needs a change that Prometheus sees. */
  async function askOnAndOn(): Promise<void> {
    for (let round = 0; running; round += 1) {
      flaky.handler = answer(round % 2 === 0 ? 200 : 503);
      const ask = (path: string): Promise<unknown> => fetch(gateway.url + path).then((r) => r.arrayBuffer());
      const many = Array.from({ length: 8 }, () => ask('/flaky'));
      const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/socket`);
      socket.on('error', () => undefined);
      // The last one has no money: what was done is undone.
      const orders = ['1', '1', '5'].map((user, n) =>
        post(
          `${gateway.url}/orchestrate`,
          { action: 'create-order', payload: { ...ORDER, user } },
          n === 0 ? { prefer: 'respond-async' } : {},
        ),
      );
      await Promise.allSettled([
        ...many,
        ...orders,
        ...['/users', '/users', '/users/1', '/orders/1', '/limited', '/limited', '/none'].map(ask),
      ]);
      if (round % 5 === 0) await takeOver();
      gateway.reload(config());
      socket.terminate();
      await sleep(100);
    }
  }

  /** An order whose process dies in its midst. */
  async function takeOver(): Promise<void> {
    const held = new Promise<() => void>((resolve) => shop.order.hold('/confirmations', resolve));
    const sent = post(`${dying.url}/orchestrate`, { action: 'create-order', payload: ORDER });
    sent.catch(() => undefined);
    const release = await Promise.race([held, sleep(10_000, () => undefined)]);
    await dying.stop('SIGKILL');
    if (typeof release === 'function') release();
    await dying.launch();
  }

  it('has no dead panel', async () => {
    const queries = ROWS.flatMap(({ title: row, panels }) =>
      panels.flatMap(({ title, queries: of }) =>
        of.map(([expression]) => ({ name: `${row}: ${title}`, expression })),
      ),
    );
    const dead = new Set(queries);
    await eventually(async () => {
      for (const query of dead) {
        const url = `http://127.0.0.1:${prometheus.port}/api/v1/query?query=${encodeURIComponent(queryOf(query.expression))}`;
        const { data, error } = (await (await fetch(url)).json()) as {
          readonly data?: { readonly result: ReadonlyArray<{ readonly value: readonly [number, string] }> };
          readonly error?: string;
        };
        assert.ok(data !== undefined, `${query.expression}: ${error}`);
        if (data.result.some(({ value }) => !Number.isNaN(Number(value[1])))) dead.delete(query);
      }
      assert.deepEqual([...dead], []);
    }, 90_000);
  });
});
