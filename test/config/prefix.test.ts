import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as fc from 'fast-check';

import { sanitizePrefix } from '../../src/config/prefix.js';

describe('a prefix', () => {
  test('becomes a part of a key', () => {
    const cases = {
      'My Shop': 'my_shop',
      'a.b/c:d{e}': 'a_b_c_d_e_',
      '@org/app': '_org_app',
      ' x-1_Y ': 'x-1_y',
      süß: 's__',
    };
    for (const [name, prefix] of Object.entries(cases)) assert.equal(sanitizePrefix(name), prefix);
  });

  test('is refused when nothing is left', () => {
    for (const name of ['', ' ', '---', '日本', '*']) {
      assert.throws(() => sanitizePrefix(name), {
        code: 'ORCHESTRATOR_INVALID_SETTING',
        message: `The name ${JSON.stringify(name)} cannot be a prefix: it has none of a-z, 0-9. Set ORCHESTRATOR_PREFIX.`,
      });
    }
  });

  test('is safe and bounded whatever the name is, and stays as it is when it is given again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (name) => {
        let prefix = '';
        try {
          prefix = sanitizePrefix(name);
        } catch {
          return;
        }
        assert.match(prefix, /^[a-z0-9_-]{1,128}$/);
        assert.equal(sanitizePrefix(prefix), prefix);
      }),
    );
  });
});
