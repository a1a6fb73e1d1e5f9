import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { actionOf, setAction } from '../../../src/instrumentation/http/action.js';
import { rawRequest, WRAPPERS } from './wrapped-requests.js';

describe('setAction', () => {
  for (const [name, wrap] of Object.entries(WRAPPERS)) {
    test(name, () => {
      const request = rawRequest();
      setAction(wrap(request), { controller: 'Users', action: 'show' });
      assert.deepEqual(actionOf(request, true), { controller: 'Users', action: 'show' });
    });
  }

  test('wins over the handler that Express names', () => {
    const request = { ...rawRequest(), route: { stack: [{ name: 'first' }, { name: 'showUser' }] } };
    assert.deepEqual(actionOf(request, true), { controller: '', action: 'showUser' });
    setAction(request, { controller: 'Users', action: 'show' });
    assert.deepEqual(actionOf(request, true), { controller: 'Users', action: 'show' });
  });
});
