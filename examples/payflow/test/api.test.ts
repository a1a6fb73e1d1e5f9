import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startApi, type TestApi } from './support/api.js';

let api: TestApi;
before(async () => {
  api = await startApi();
});
after(async () => api.service.close());

test('a deposit, a transfer, a withdrawal, and what they leave', async () => {
  const ann = await api.rich(100.5);
  const bob = await api.rich(undefined);
  const transfer = await api.call('POST', '/api/transactions/transfer', ann.key, {
    from_user_id: ann.id,
    to_user_id: bob.id,
    amount: 40.25,
    description: 'rent',
  });
  assert.equal(transfer.status, 201, transfer.text);
  assert.equal(await api.balance(ann), 60.25);
  assert.equal(await api.balance(bob), 40.25);
});
