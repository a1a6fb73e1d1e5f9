import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import { eventually } from './helpers/eventually.js';
import { demoConfig, QUICK } from './helpers/flows-config.js';
import { type InProcess, startInProcess } from './helpers/in-process.js';
import { flowOf, nextRequest, ORDER, post, type Shop, startShop } from './helpers/shop.js';
import { answer, type Echo, TestUpstream } from './helpers/upstream.js';

describe('POST /orchestrate', () => {
  let shop: Shop;
  let echo: TestUpstream;
  let gateway: InProcess;
  let base: string;

  const step = (name: string, more: object = {}): object => ({
    name,
    request: { upstream: 'echo', path: `/${name}`, body: { from: '{% flow.id %}' } },
    retry: QUICK,
    ...more,
  });
  const undo = (name: string): object => ({ compensate: { upstream: 'echo', path: `/undo-${name}` } });
  const config = (): ReturnType<typeof demoConfig> => {
    const demo = demoConfig();
    const failing = step('failing', { request: { upstream: 'echo', path: '/failing' } });
    return {
      ...demo,
      flows: {
        ...demo.flows,
        values: {
          steps: [
            step('first'),
            step('second', {
              when: 'payload.wanted',
              request: {
                upstream: 'echo',
                method: 'PUT',
                path: '/things/{% payload.name %}/{% steps.first.method %}',
                headers: { 'x-text': 'a {% payload.name %} b' },
                body: {
                  id: '{% steps.first.body %}',
                  list: '{% [1, 2].{"n": $} %}',
                  text: 'x{% payload.count + 1 %}',
                  plain: 7,
                },
              },
            }),
          ],
          output: '{"url": steps.second.url, "skipped": $not($exists(steps.second))}',
        },
        branches: {
          steps: [
            step('a', undo('a')),
            { parallel: [[step('b', undo('b')), step('c', undo('c'))], [step('d', undo('d'))]] },
            step('e'),
          ],
        },
        fails: {
          steps: [
            step('a', undo('a')),
            { parallel: [[step('b', undo('b')), step('c', undo('c'))], [step('d', undo('d'))]] },
            { ...failing, ...undo('failing') },
            step('never'),
          ],
        },
        long: { waitMs: 50, steps: [step('slow', { timeoutMs: 60_000, ...undo('slow') }), step('after')] },
      },
    };
  };

  before(async () => {
    [shop, echo] = await Promise.all([startShop(), TestUpstream.start()]);
    gateway = await startInProcess(config(), {
      ...shop.env,
      SERVICE_ECHO_BASE_URL: echo.url,
      FLOW_POLL_MS: '50',
      FLOW_LEASE_MS: '2000',
      APP_URL: 'https://api.example.com',
    });
    base = `${gateway.url}/orchestrate`;
  });
  after(async () => {
    await gateway.stop();
    await Promise.all([shop.stop(), echo.stop()]);
  });
  afterEach(() => {
    echo.handler = answer();
    echo.requests.length = 0;
    for (const service of [shop.order, shop.user]) service.faults.set({ mode: 'ok' });
  });

  it('runs create-order across both services', async () => {
    const { status, body } = await post(base, { action: 'create-order', payload: ORDER });
    assert.equal(status, 200);
    assert.deepEqual(body.result, { order: body.id, status: 'confirmed', charge: `charge-${body.id}` });
    assert.deepEqual(shop.effectsOf(body.id), ['charge', 'confirm', 'reserve']);
    const { steps } = await flowOf(gateway.url, body.id);
    assert.deepEqual(
      steps.map(({ step: name, status: state }) => [name, state]),
      [
        ['reserve-stock', 'done'],
        ['charge', 'done'],
        ['confirm', 'done'],
      ],
    );
  });

  it('undoes what was done when a service refuses', async () => {
    const { status, body } = await post(base, { action: 'create-order', payload: { ...ORDER, user: '5' } });
    assert.equal(status, 409);
    assert.equal(body.status, 'compensated');
    assert.deepEqual([body.error?.step, body.error?.reason], ['charge', 'refused']);
    assert.match(body.error?.message ?? '', /402: Donald has not got 5/);
    assert.deepEqual(shop.effectsOf(body.id), ['release', 'reserve']);
  });

  it('undoes a step of which nobody knows whether it was done', async () => {
    // The charge is made, and its answer is lost each time.
    shop.user.faults.set({ mode: 'reset-after', path: '/charges' });
    const { status, body } = await post(base, { action: 'create-order', payload: ORDER });
    assert.equal(status, 502);
    assert.deepEqual(
      [body.status, body.error?.step, body.error?.reason],
      ['compensated', 'charge', 'failed'],
    );
    assert.deepEqual(shop.effectsOf(body.id), ['charge', 'refund', 'release', 'reserve']);
  });

  it('tries to undo until it is undone', async () => {
    shop.order.faults.set({ mode: 'error', path: '/releases' });
    const answered = post(base, { action: 'create-order', payload: { ...ORDER, user: '5' } });
    const id = await eventually(async () => {
      const response = await fetch(`${base}?status=compensating`);
      const [flow] = ((await response.json()) as { flows: Array<{ id: string }> }).flows;
      assert.ok(flow);
      return flow.id;
    });
    await eventually(() =>
      assert.ok(gateway.lines.some((line) => line.includes('cannot be undone yet') && line.includes(id))),
    );
    shop.order.faults.set({ mode: 'ok' });
    await eventually(async () => assert.equal((await flowOf(gateway.url, id)).status, 'compensated'));
    assert.deepEqual(shop.effectsOf(id), ['release', 'reserve']);
    await answered;
  });

  it('fills requests with values of the payload and of earlier steps', async () => {
    const { body } = await post(base, {
      action: 'values',
      payload: { wanted: true, name: 'a/../b', count: 1 },
    });
    assert.deepEqual(body.result, { url: '/things/a%2F..%2Fb/POST', skipped: false });
    const last = (await flowOf(gateway.url, body.id)) as unknown as { steps: unknown[] };
    assert.equal(last.steps.length, 2);
  });

  it('sends a step with its idempotency key, and the text of headers in one line', async () => {
    let seen: Echo['headers'] = {};
    echo.handler = (request, response) => {
      if (request.url?.startsWith('/things') === true) seen = request.headers as Echo['headers'];
      answer()(request, response);
    };
    const { body } = await post(base, {
      action: 'values',
      payload: { wanted: true, name: 'n\r\nx-evil: 1', count: 1 },
    });
    assert.equal(body.status, 'completed');
    assert.equal(seen['idempotency-key'], `${body.id}:second`);
    assert.equal(seen['x-text'], 'a n x-evil: 1 b');
    assert.equal(seen['x-evil'], undefined);
  });

  it('does not let a value climb out of its part of the path', async () => {
    const { status, body } = await post(base, {
      action: 'values',
      payload: { wanted: true, name: '..', count: 1 },
    });
    assert.equal(status, 409);
    assert.match(body.error?.message ?? '', /cannot be a part of the path/);
  });

  it('skips a step whose condition is not true', async () => {
    const { body } = await post(base, { action: 'values', payload: { wanted: false } });
    assert.deepEqual(body.result, { skipped: true });
    assert.deepEqual(
      (await flowOf(gateway.url, body.id)).steps.map(({ status }) => status),
      ['done', 'skipped'],
    );
  });

  it('runs branches at the same time', async () => {
    const held: Array<() => void> = [];
    echo.handler = (request, response) => {
      if (request.url === '/b' || request.url === '/d') held.push(() => answer()(request, response));
      else answer()(request, response);
    };
    const running = post(base, { action: 'branches' });
    await eventually(() => assert.equal(held.length, 2));
    for (const release of held) release();
    assert.equal((await running).status, 200);
    assert.equal(echo.requests.at(0), 'POST /a');
    assert.equal(echo.requests.at(-1), 'POST /e');
    assert.ok(echo.requests.indexOf('POST /b') < echo.requests.indexOf('POST /c'));
  });

  it('undoes branches too, the last first', async () => {
    echo.handler = (request, response) => answer(request.url === '/failing' ? 422 : 200)(request, response);
    const { status, body } = await post(base, { action: 'fails' });
    assert.equal(status, 409);
    assert.equal(body.status, 'compensated');
    const undone = echo.requests.filter((request) => request.includes('undo'));
    assert.equal(undone.length, 4);
    assert.equal(undone.at(-1), 'POST /undo-a');
    assert.ok(undone.indexOf('POST /undo-c') < undone.indexOf('POST /undo-b'));
    assert.ok(!echo.requests.includes('POST /never'));
    assert.ok(!undone.includes('POST /undo-failing'), 'what was refused was undone');
  });

  it('says what is wrong with a request', async () => {
    const refused = async (body: unknown): Promise<string> => {
      const answered = await post(base, body);
      return `${answered.status} ${answered.body.detail}`;
    };
    assert.match(
      await refused({ action: 'nothing' }),
      /^404 There is no action "nothing": there are create-order, values/,
    );
    assert.match(
      await refused({ action: 'create-order', payload: { user: '1', items: [] } }),
      /^422 create-order: payload.items must NOT have fewer than 1/,
    );
    assert.match(await refused({ payload: {} }), /^400 body must have required property 'action'/);
    assert.equal((await fetch(`${base}/00000000-0000-4000-8000-000000000000`)).status, 404);
    assert.equal((await fetch(`${base}/x`)).status, 400);
  });

  it('starts nothing twice for one idempotency key', async () => {
    const key = { 'idempotency-key': 'order-77' };
    const order = { action: 'create-order', payload: ORDER };
    const answers = await Promise.all([
      post(base, order, key),
      post(base, order, key),
      post(base, order, key),
    ]);
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
    assert.deepEqual(shop.effectsOf(answers[0].body.id), ['charge', 'confirm', 'reserve']);
    assert.equal((await post(base, { ...order, payload: { ...ORDER, amount: 6 } }, key)).status, 422);
  });

  it('answers 202 with the address of the flow when it takes longer, or is asked to', async () => {
    const release = await hold('/slow', () => post(base, { action: 'long' }));
    assert.equal(release.answered.status, 202);
    const { id } = release.answered.body;
    assert.equal(release.answered.headers.get('location'), `https://api.example.com/orchestrate/${id}`);
    release.go();
    await eventually(async () => assert.equal((await flowOf(gateway.url, id)).status, 'completed'));

    const { status, body } = await post(
      base,
      { action: 'create-order', payload: ORDER },
      { prefer: 'respond-async' },
    );
    assert.deepEqual([status, body.status], [202, 'pending']);
    await eventually(async () => assert.equal((await flowOf(gateway.url, body.id)).status, 'completed'));
  });

  it('cancels: nothing more begins, and what was done is undone', async () => {
    const held = await hold('/slow', () => post(base, { action: 'long' }));
    const { id } = held.answered.body;
    assert.equal((await post(`${base}/${id}/cancel`, {})).status, 202);
    held.go();
    await eventually(async () => assert.equal((await flowOf(gateway.url, id)).status, 'cancelled'));
    assert.ok(echo.requests.includes('POST /undo-slow'));
    assert.ok(!echo.requests.includes('POST /after'));
    assert.equal((await post(`${base}/${id}/cancel`, {})).status, 409);
  });

  it('lists flows, newest first, by status and action', async () => {
    const list = async (query: string): Promise<Array<{ id: string; action: string; status: string }>> =>
      (
        (await (await fetch(`${base}?${query}`)).json()) as {
          flows: Array<{ id: string; action: string; status: string }>;
        }
      ).flows;
    const all = await list('limit=200');
    const [first, second] = await list('limit=2');
    assert.deepEqual([first?.id, second?.id], [all[0]?.id, all[1]?.id]);
    assert.equal((await list(`limit=1&before=${first?.id}`))[0]?.id, second?.id);
    assert.ok((await list('status=cancelled')).every(({ status }) => status === 'cancelled'));
    assert.ok((await list('action=values')).length > 0);
    assert.equal((await fetch(`${base}?status=nonsense`)).status, 400);
  });

  it('answers 503 while the database is away, and goes on after', async () => {
    const request = nextRequest(shop.order, '/confirmations');
    const { body } = await post(
      base,
      { action: 'create-order', payload: ORDER },
      { prefer: 'respond-async' },
    );
    const held = await request;
    await shop.postgres.kill();
    const { status } = await post(base, { action: 'create-order', payload: ORDER });
    assert.equal(status, 503);
    assert.equal((await fetch(`${gateway.url}/health`)).status, 503);
    assert.equal((await fetch(`${gateway.url}/users`)).status, 200);
    held.release();
    await shop.postgres.restart();
    await eventually(async () => assert.equal((await flowOf(gateway.url, body.id)).status, 'completed'));
    assert.deepEqual(shop.effectsOf(body.id), ['charge', 'confirm', 'reserve']);
  });

  async function hold(
    path: string,
    send: () => ReturnType<typeof post>,
  ): Promise<{ answered: Awaited<ReturnType<typeof post>>; go(): void }> {
    let go: (() => void) | undefined;
    echo.handler = (request, response) => {
      if (request.url === path) go = () => answer()(request, response);
      else answer()(request, response);
    };
    const answered = await send();
    await eventually(() => assert.ok(go));
    return { answered, go: () => go?.() };
  }
});
