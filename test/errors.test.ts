import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { ERROR_CODES, ERROR_TABLE, orchestratorError, OrchestratorError, reason } from '../src/errors.js';
import { WARNING_TABLE, warning } from '../src/warnings.js';
import { literals, sourceFiles } from './helpers/source.js';

const CODES = [...Object.keys(ERROR_TABLE), ...Object.keys(WARNING_TABLE)];

/** Every literal of some files, as one text. */
const textOf = (files: ReturnType<typeof sourceFiles>): string => files.flatMap(literals).join('\n');

describe('an error', () => {
  test('has a code, a message with its values, and a cause', () => {
    const cause = new Error('no\n such  file');
    const values = { setting: 'ORCHESTRATOR_REDIS_TLS_CA', file: '/a  b', error: cause };
    const error = orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'unreadableFile', values, { cause });
    assert.equal(error.message, 'ORCHESTRATOR_REDIS_TLS_CA=/a  b cannot be read: no such file');
    assert.equal(error.code, 'ORCHESTRATOR_INVALID_SETTING');
    assert.equal(error.name, 'OrchestratorError');
    assert.equal(error.cause, cause);
  });

  test('is one of this package in whichever copy of it', () => {
    const file = join(__dirname, '..', 'src', 'errors.js');
    const loaded = require.cache[file];
    delete require.cache[file];
    const copy = require(file) as { OrchestratorError: typeof OrchestratorError };
    require.cache[file] = loaded;
    assert.notEqual(copy.OrchestratorError, OrchestratorError);
    const theirs: unknown = new copy.OrchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed');
    assert.ok(theirs instanceof OrchestratorError);
    assert.ok(theirs instanceof Error);
    assert.ok(!(new Error('x') instanceof OrchestratorError));
  });

  test('of a name with several addresses has the reasons of all', () => {
    assert.equal(reason(new AggregateError([new Error('one'), new Error('two')])), 'one; two');
    assert.equal(reason('text'), 'text');
  });
});

test('a warning is its message with its values, and its code', () => {
  assert.deepEqual(warning('ORCHESTRATOR_METRICS_SENT', { store: 'redis' }), [
    'Store redis answers again; everything that waited has been sent.',
    'ORCHESTRATOR_METRICS_SENT',
  ]);
});

describe('the codes', () => {
  test('are public, and each is used once', () => {
    assert.deepEqual(Object.keys(ERROR_CODES), Object.keys(ERROR_TABLE));
    assert.equal(new Set(CODES).size, CODES.length);
    for (const code of CODES) assert.match(code, /^ORCHESTRATOR_[A-Z0-9_]+$/);
  });

  test('are each raised by the source, outside the tables', () => {
    const source = textOf(
      sourceFiles('src').filter(({ path }) => !/^src\/(?:errors|warnings)\.ts$/.test(path)),
    );
    assert.deepEqual(
      CODES.filter((code) => !source.includes(code)),
      [],
    );
  });

  test('are each expected by a test that raises them', () => {
    const tests = sourceFiles('test').filter(({ path }) => path !== 'test/errors.test.ts');
    const text = textOf(tests);
    assert.deepEqual(
      CODES.filter((code) => !text.includes(code)),
      [],
    );
  });
});

test('every error and every warning of the source comes from the tables', () => {
  const found = sourceFiles('src')
    .filter(({ path }) => path !== 'src/errors.ts')
    .flatMap(({ path, text }) =>
      Array.from(
        text.matchAll(/new OrchestratorError\(|(?:\bwarn|\bdiag\.(?:warn|error)|#complain)\(\s*[`'"]/g),
        ([match]) => `${path}: ${match}`,
      ),
    );
  assert.deepEqual(found, []);
});
