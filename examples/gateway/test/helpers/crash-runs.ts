import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { eventually } from './eventually.js';
import { GatewayProcess, ROOT } from './gateway-process.js';
import { flowOf, ORDER, type Shop, startShop } from './shop.js';

/** Where the process of an order is killed: while this request of it is under way. */
interface Place {
  readonly path: string;
  readonly service: 'order' | 'user';
  /** Who orders; 5 has no money. */
  readonly user: string;
}

/** One kill: it hits one order at each of these places. */
interface Round {
  readonly places: readonly Place[];
  /** Confirmations fail, so that all that was done is undone. */
  readonly confirmFails: boolean;
  /** Whether the service has done what it was asked for by then, or has answered too. */
  readonly at: 'before' | 'after' | 'answered';
}

/** An order stops at its place; those after it in the list stop at earlier ones, so that none waits for another. */
const FORWARD: readonly Place[] = [
  { path: '/confirmations', service: 'order', user: '1' },
  { path: '/charges', service: 'user', user: '1' },
  { path: '/reservations', service: 'order', user: '1' },
  { path: '/releases', service: 'order', user: '5' },
];
const BACKWARD: readonly Place[] = [
  { path: '/releases', service: 'order', user: '1' },
  { path: '/refunds', service: 'user', user: '1' },
  { path: '/cancellations', service: 'order', user: '1' },
];

export const ROUNDS: readonly Round[] = (['after', 'before', 'answered'] as const).flatMap((at) => [
  { at, places: FORWARD, confirmFails: false },
  { at, places: BACKWARD, confirmFails: true },
]);

export interface CrashResult {
  readonly kills: number;
  readonly confirmed: number;
  readonly compensated: number;
}

/** What may be left of an order: all of it, or every effect with what undoes it. */
const UNDOES: Readonly<Record<string, string>> = { reserve: 'release', charge: 'refund', confirm: 'cancel' };

/**
 * Two gateways; in each round the one that works on several orders is killed with SIGKILL, the other one goes on, and the killed
 * one starts again meanwhile. The counts of the services decide.
 */
export async function crashRuns(kills: number, tell: (line: string) => void): Promise<CrashResult> {
  const shop = await startShop();
  const options = {
    configFile: `${ROOT}/gateway.config.yaml`,
    // A request that is held here is not late.
    env: {
      ...shop.env,
      FLOW_LEASE_MS: '1000',
      FLOW_POLL_MS: '100',
      ORCHESTRATOR_RETRY_COUNT: '1',
      ORCHESTRATOR_TIMEOUT_MS: '120000',
    },
  };
  const gateways = await Promise.all([GatewayProcess.start(options), GatewayProcess.start(options)]);
  const result = { kills: 0, confirmed: 0, compensated: 0 };
  try {
    for (; result.kills < kills; result.kills += 1) {
      const round = ROUNDS[result.kills % ROUNDS.length] as Round;
      const [victim, other] = result.kills % 2 === 0 ? gateways : gateways.toReversed();
      if (victim === undefined || other === undefined) throw new Error('there are two gateways');
      for (const status of await oneRound(shop, round, victim, other)) {
        if (status === 'completed') result.confirmed += 1;
        else result.compensated += 1;
      }
      if (result.kills % 10 === 9)
        tell(
          `${result.kills + 1} kills: ${result.confirmed} orders confirmed, ${result.compensated} compensated`,
        );
    }
    return result;
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop('SIGKILL')));
    await shop.stop();
  }
}

async function oneRound(
  shop: Shop,
  round: Round,
  victim: GatewayProcess,
  other: GatewayProcess,
): Promise<string[]> {
  const { places, at, confirmFails } = round;
  shop.order.faults.set(confirmFails ? { mode: 'error', path: '/confirmations' } : { mode: 'ok' });
  const orders = places.map(({ user }) => ({
    key: `crash-${Math.random()}`,
    body: JSON.stringify({ action: 'create-order', payload: { ...ORDER, user } }),
  }));
  const releases: Array<() => void> = [];
  const sent: Array<Promise<unknown>> = [];
  for (const [index, { path, service }] of places.entries()) {
    const held = new Promise<() => void>((resolve) =>
      shop[service].hold(path, resolve, at === 'before' ? 'before' : 'after'),
    );
    sent.push(send(victim, orders[index]).catch(() => undefined));
    releases.push(await held);
  }
  const letGo = (): void => {
    for (const release of releases) release();
  };
  if (at === 'answered') {
    letGo();
    await sleep(Math.random() * 20);
  }
  await victim.stop('SIGKILL');
  letGo();
  await Promise.all(sent);
  const restarted = victim.launch();
  const statuses = await Promise.all(
    orders.map((order, index) => endOf(shop, other, order, `${at} ${places[index]?.path}`)),
  );
  await restarted;
  return statuses;
}

interface Order {
  readonly key: string;
  readonly body: string;
}

function send({ url }: GatewayProcess, { key, body }: Order = { key: '', body: '' }): Promise<Response> {
  return fetch(`${url}/orchestrate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body,
  });
}

/** The same key again, at the other gateway: it is the same flow, whoever finishes it. */
async function endOf(shop: Shop, other: GatewayProcess, order: Order, where: string): Promise<string> {
  const { id } = (await (await send(other, order)).json()) as { id: string };
  const status = await eventually(async () => {
    const flow = await flowOf(other.url, id);
    assert.ok(flow.status === 'completed' || flow.status === 'compensated', `${where}: ${flow.status}`);
    return flow.status;
  }, 150_000);
  const effects = shop.effectsOf(id);
  assert.equal(new Set(effects).size, effects.length, `${where}: done twice: ${effects.join(', ')}`);
  if (status === 'completed') {
    assert.deepEqual(effects, ['charge', 'confirm', 'reserve'], where);
    return status;
  }
  for (const [effect, undone] of Object.entries(UNDOES))
    assert.equal(
      effects.includes(effect),
      effects.includes(undone),
      `${where}: ${effect} without ${undone}: ${effects.join(', ')}`,
    );
  return status;
}
