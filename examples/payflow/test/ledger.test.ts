import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { assert as check, asyncProperty, bigInt, constantFrom, integer, property, tuple } from 'fast-check';

import { checkLedger } from '../src/ledger/ledger-check.js';
import type { AccountState } from '../src/ledger/account.js';
import { decide, type TransactionOrder } from '../src/ledger/transaction.js';
import {
  AmountError,
  CURRENCIES,
  exponentOf,
  formatAmount,
  LARGEST_MINOR,
  parseAmount,
  toNumber,
} from '../src/money/money.js';
import { startApi, type Person, type TestApi } from './support/api.js';
import { readStream } from './support/stream.js';

const currency = constantFrom(...CURRENCIES);
const minor = bigInt({ min: 1n, max: LARGEST_MINOR });

describe('money', () => {
  test('survives the way through text, and through a JSON number', () => {
    check(
      property(minor, currency, (amount, unit) => {
        assert.equal(parseAmount(formatAmount(amount, unit), unit), amount);
        assert.equal(parseAmount(JSON.parse(JSON.stringify(toNumber(amount, unit))) as number, unit), amount);
      }),
      { numRuns: 2000 },
    );
  });

  test('with more digits than the minor unit has is refused, not rounded', () => {
    check(
      property(
        integer({ min: 0, max: 1_000_000 }),
        integer({ min: 1, max: 9 }),
        currency,
        (whole, digit, unit) => {
          const text = `${whole}.${'0'.repeat(exponentOf(unit))}${digit}`;
          assert.throws(() => parseAmount(text, unit), AmountError);
          assert.throws(() => parseAmount(Number(text), unit), AmountError);
        },
      ),
    );
  });
});

describe('a decision', () => {
  const account = (userId: number, kind: 'wallet' | 'external', balance: bigint): AccountState => ({
    accountId: `${userId}${kind === 'wallet' ? 1 : 2}`,
    userId,
    kind,
    currency: 'EUR',
    version: 1n,
    balance,
    updatedAt: new Date(0),
  });

  test('never makes or loses money, nor a wallet negative', () => {
    const amounts = bigInt({ min: 0n, max: 1000n });
    const type = constantFrom('deposit', 'withdraw', 'transfer');
    check(
      property(type, amounts, amounts, bigInt({ min: 1n, max: 1000n }), (kind, ann, bob, amount) => {
        const accounts = [
          account(1, 'wallet', ann),
          account(1, 'external', -ann),
          account(2, 'wallet', bob),
          account(2, 'external', -bob),
        ];
        const [fromUserId, toUserId] = [1, kind === 'transfer' ? 2 : 1];
        const order: TransactionOrder = {
          type: kind,
          fromUserId,
          toUserId,
          amount,
          currency: 'EUR',
          description: undefined,
          actorId: 1,
        };
        const entries = decide(order, accounts);
        if (typeof entries === 'string') {
          assert.equal(entries, 'insufficient-funds');
          assert.ok(kind !== 'deposit' && ann < amount);
          return;
        }
        assert.equal(entries[0].amount + entries[1].amount, 0n);
        for (const { account: changed, amount: by } of entries)
          assert.ok(changed.kind === 'external' || changed.balance + by >= 0n);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the ledger', () => {
  let api: TestApi;
  before(async () => {
    api = await startApi({ SNAPSHOT_EVERY: '7', RETRY_MAX_ATTEMPTS: '30' });
  });
  after(async () => api.service.close());

  const report = async (): ReturnType<typeof checkLedger> =>
    api.service.services.database.reader.read('test', 'primary', checkLedger);

  async function consistent(people: readonly Person[]): Promise<void> {
    for (const { id, key } of people) {
      const replay = await api.call('POST', `/api/balances/replay?user_id=${id}`, key);
      assert.equal(replay.body['consistent'], true, replay.text);
    }
  }

  test('holds through 1,000 random transfers of 8 clients, and replays to its projection', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, async () => api.rich(100)));
    let sent = 0;
    let completed = 0;
    let state = 7;
    const random = (below: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      return Math.floor((state / 2_147_483_648) * below);
    };
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let n = 0; n < 125; n++) {
          const from = people[random(6)];
          const others = people.filter((person) => person !== from);
          const to = others[random(5)];
          assert.ok(from !== undefined && to !== undefined);
          sent++;
          const body = { from_user_id: from.id, to_user_id: to.id, amount: (1 + random(4000)) / 100 };
          const { status, text } = await api.call('POST', '/api/transactions/transfer', from.key, body);
          // Refused for want of money, or given up after many retries: both leave no trace in the balances.
          assert.ok([201, 422, 503].includes(status), text);
          if (status === 201) completed++;
        }
      }),
    );
    assert.equal(sent, 1000);
    assert.ok(completed > 300, `${completed} were completed`);
    const { imbalance, held, mismatches, unbalanced } = await report();
    assert.deepEqual(
      { imbalance, mismatches, unbalanced },
      { imbalance: { EUR: 0n }, mismatches: 0, unbalanced: 0 },
    );
    assert.equal(held.EUR, 60_000n);
    let sum = 0;
    for (const person of people) sum += Math.round((await api.balance(person)) * 100);
    assert.equal(sum, 60_000);
    await consistent(people);
  });

  test('says so when a balance is not the sum of its events, and is right again after a rebuild', async () => {
    await check(
      asyncProperty(
        tuple(integer({ min: -50, max: 50 }), integer({ min: 1, max: 20 })),
        async ([by, deposits]) => {
          const ann = await api.rich(60);
          for (let n = 0; n < deposits; n++)
            await api.call('POST', '/api/transactions/deposit', ann.key, { user_id: ann.id, amount: 1 });
          await api.sql(
            `UPDATE balances SET balance = balance + ${by} FROM accounts WHERE id = account_id AND user_id = ${ann.id} AND accounts.kind = 'wallet'`,
          );
          assert.equal((await report()).mismatches, by === 0 ? 0 : 1);
          const rebuilt = await api.call('POST', `/api/balances/rebuild?user_id=${ann.id}`, ann.key);
          assert.deepEqual([rebuilt.body['balance'], rebuilt.body['consistent']], [60 + deposits, true]);
          assert.equal((await report()).mismatches, 0);
        },
      ),
      { numRuns: 5 },
    );
  });

  test('tells other systems of each completed transaction once, in a stream', async () => {
    const ann = await api.rich(3);
    await api.service.relay.relayNow();
    const events = await readStream(api.env);
    const own = events.filter(({ payload }) => payload['to_user_id'] === ann.id);
    assert.deepEqual(
      own.map(({ payload }) => [payload['type'], payload['amount'], payload['currency']]),
      [['deposit', '3.00', 'EUR']],
    );
    assert.equal(new Set(events.map(({ id }) => id)).size, events.length);
  });
});
