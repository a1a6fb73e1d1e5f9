import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { connect, type ChannelModel } from 'amqplib';
import pg from 'pg';

import { type Server, startRabbitMq } from '../demo/servers.js';
import { eventually } from './helpers/eventually.js';
import { GatewayProcess, ROOT } from './helpers/gateway-process.js';
import { flowOf, nextRequest, ORDER, post, type Shop, startShop } from './helpers/shop.js';

const CREATE_ORDER = { action: 'create-order', payload: ORDER };
const DONE = ['charge', 'confirm', 'reserve'];
const CONSUMED = 'gateway_messages_consumed_total';

describe('flows through RabbitMQ', () => {
  let shop: Shop;
  let broker: Server;
  let database: pg.Client;
  let gateway: GatewayProcess;

  const gatewayWithQueue = (): Promise<GatewayProcess> =>
    GatewayProcess.start({
      configFile: `${ROOT}/gateway.config.yaml`,
      env: {
        ...shop.env,
        RABBITMQ_URL: `amqp://127.0.0.1:${broker.port}`,
        FLOW_LEASE_MS: '1500',
        FLOW_POLL_MS: '100',
        // A request that is held here is not late.
        ORCHESTRATOR_TIMEOUT_MS: '120000',
      },
    });
  const startFlow = async (): Promise<string> => {
    const { status, body } = await post(`${gateway.url}/orchestrate`, CREATE_ORDER, {
      prefer: 'respond-async',
    });
    assert.equal(status, 202);
    return body.id;
  };
  const completed = (id: string, by = gateway): Promise<void> =>
    eventually(async () => assert.equal((await flowOf(by.url, id)).status, 'completed'), 120_000);
  const outboxIsEmpty = (): Promise<void> =>
    eventually(async () => assert.equal(await countOf('SELECT count(*)::int AS n FROM outbox'), 0), 120_000);
  const countOf = async (sql: string, values: unknown[] = []): Promise<number> =>
    (await database.query<{ n: number }>(sql, values)).rows[0]?.n ?? 0;
  const withBroker = async <T>(use: (connection: ChannelModel) => Promise<T>): Promise<T> => {
    const connection = await connect(`amqp://127.0.0.1:${broker.port}`);
    try {
      return await use(connection);
    } finally {
      await connection.close();
    }
  };

  before(async () => {
    [shop, broker] = await Promise.all([startShop(), startRabbitMq()]);
    database = new pg.Client({
      host: '127.0.0.1',
      port: shop.postgres.port,
      user: 'gateway',
      database: 'gateway',
    });
    await database.connect();
    gateway = await gatewayWithQueue();
    await gateway.logged(/connected to RabbitMQ/);
  });
  after(async () => {
    await gateway.stop();
    await database.end();
    await Promise.all([broker.stop(), shop.stop()]);
  });

  it('an asynchronous action goes through the queue, is done once, and its end is an event', async () => {
    await withBroker(async (connection) => {
      const channel = await connection.createChannel();
      const { queue } = await channel.assertQueue('', { exclusive: true });
      await channel.bindQueue(queue, 'gateway.events', '#');
      const id = await startFlow();
      await completed(id);
      assert.deepEqual(shop.effectsOf(id), DONE);
      await eventually(async () => {
        assert.equal(await gateway.sum(CONSUMED, { queue: 'gateway.flows', outcome: 'done' }), 1);
        const event = await channel.get(queue, { noAck: true });
        assert.ok(event !== false, 'no event yet');
        assert.match(event.content.toString(), new RegExp(id));
      });
    });
    await outboxIsEmpty();
  });

  it('a command that comes twice starts one flow; one that cannot be understood is refused', async () => {
    await withBroker(async (connection) => {
      const channel = await connection.createConfirmChannel();
      const send = (text: string, messageId: string): boolean =>
        channel.sendToQueue('gateway.commands', Buffer.from(text), { messageId, persistent: true });
      for (let n = 0; n < 2; n += 1) send(JSON.stringify(CREATE_ORDER), 'order-1');
      send('{"action":"nonsense"}', 'order-2');
      send('not JSON', 'order-3');
      await channel.waitForConfirms();
    });
    const outcome = (name: string): Promise<number> =>
      gateway.sum(CONSUMED, { queue: 'gateway.commands', outcome: name });
    await eventually(async () => {
      assert.deepEqual(
        [await outcome('started'), await outcome('repeated'), await outcome('refused')],
        [1, 1, 2],
      );
    });
    const { rows } = await database.query<{ id: string }>(
      `SELECT id FROM flows WHERE idempotency_key = 'message:order-1'`,
    );
    assert.equal(rows.length, 1);
    const id = rows[0]?.id ?? '';
    await completed(id);
    assert.deepEqual(shop.effectsOf(id), DONE);
  });

  it('a gateway that is killed while it works the queue: another one finishes, and does nothing twice', async () => {
    const held = nextRequest(shop.user, '/charges');
    const id = await startFlow();
    const holding = await held;
    const other = await gatewayWithQueue();
    const victim = gateway;
    gateway = other;
    await victim.stop('SIGKILL');
    holding.release();
    await completed(id);
    assert.deepEqual(shop.effectsOf(id), DONE);
    assert.equal(await other.sum('gateway_flows_resumed_total'), 1);
    // The message of the killed one is not left in the queue.
    await withBroker(async (connection) => {
      const channel = await connection.createChannel();
      await eventually(async () => assert.equal((await channel.checkQueue('gateway.flows')).messageCount, 0));
    });
  });

  it('without a broker an action is accepted, and its message is delivered when the broker is back', async () => {
    await broker.kill();
    // One that starts meanwhile starts all the same.
    await gateway.stop();
    gateway = await gatewayWithQueue();
    await gateway.logged(/RabbitMQ is not reachable/);
    const id = await startFlow();
    assert.equal(
      await countOf(`SELECT count(*)::int AS n FROM outbox WHERE body->>'id' = $1 AND routing_key = 'run'`, [
        id,
      ]),
      1,
    );
    const health = (await (await fetch(`${gateway.url}/health`)).json()) as {
      status: string;
      dependencies: { rabbitmq: { status: string } };
    };
    assert.deepEqual([health.status, health.dependencies.rabbitmq.status], ['degraded', 'down']);
    await broker.restart();
    await outboxIsEmpty();
    // A flow does not wait for its message for ever: by then it may have been taken without it.
    await eventually(async () => assert.equal(await gateway.sum(CONSUMED, { queue: 'gateway.flows' }), 1));
    await completed(id);
    assert.deepEqual(shop.effectsOf(id), DONE);
  });

  it('a queue that is deleted comes back, and messages with it', async () => {
    const from = gateway.output.length;
    await withBroker(async (connection) => {
      const channel = await connection.createChannel();
      await channel.deleteQueue('gateway.flows');
    });
    await gateway.logged(/connected to RabbitMQ/, from);
    const taken = await gateway.sum(CONSUMED, { queue: 'gateway.flows' });
    const id = await startFlow();
    await completed(id);
    await eventually(async () =>
      assert.equal(await gateway.sum(CONSUMED, { queue: 'gateway.flows' }), taken + 1),
    );
    assert.deepEqual(shop.effectsOf(id), DONE);
  });
});
