import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sqlVerb } from '../../../src/instrumentation/databases/sql-verb.js';

const VERBS: ReadonlyArray<readonly [statement: unknown, verb: string]> = [
  ['SELECT 1', 'SELECT'],
  ['select\n1', 'SELECT'],
  ['  \t\n insert INTO a VALUES (1)', 'INSERT'],
  ['COMMIT', 'COMMIT'],
  ['commit;', 'COMMIT'],
  ['(SELECT 1) UNION (SELECT 2)', 'SELECT'],
  ['/* shop */ SELECT 1', 'SELECT'],
  ['/** a * b **//*c*/UPDATE a SET b = 1', 'UPDATE'],
  ['-- a note\n# another\nDELETE FROM a', 'DELETE'],
  ['WITH a AS (SELECT 1) SELECT * FROM a', 'WITH'],
  ['START TRANSACTION', 'START'],
  ['SELECT/* */1', 'SELECT'],
  // Nothing of a text that is no statement gets out.
  ['hunter2', '_OTHER'],
  ['password SELECT', '_OTHER'],
  ['/* never closed SELECT', '_OTHER'],
  ['-- SELECT', '_OTHER'],
  ['', '_OTHER'],
  [undefined, '_OTHER'],
  [{ sql: 'SELECT 1' }, '_OTHER'],
];

for (const [statement, verb] of VERBS) {
  test(`${JSON.stringify(statement)}: ${verb}`, () => assert.equal(sqlVerb(statement), verb));
}

test('comments without an end in sight do not hold up the application', () => {
  assert.equal(sqlVerb('/* a */ '.repeat(20_000)), '_OTHER');
  assert.equal(sqlVerb(`/*${'*'.repeat(500_000)}`), '_OTHER');
});
