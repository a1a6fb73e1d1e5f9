import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

import { STACK_FOLDER } from './stack-folder.js';

type Json = Record<string, unknown>;

/** The schema of the Compose Specification as of July 2025 (58a2548), which the linter dclint brings to npm. */
const SCHEMA = join(dirname(require.resolve('dclint/package.json')), 'schemas', 'compose.schema.json');

/** Each would be ignored or would fail only when somebody starts the stack: [path, key, value]. */
const FAULTS: ReadonlyArray<readonly [path: string, key: string, value: unknown]> = [
  // A key that does not exist.
  ['', 'service', {}],
  ['/services/redis', 'comand', ['redis-server']],
  ['/services/redis/healthcheck', 'intervall', '5s'],
  ['/services/grafana/depends_on/prometheus', 'conditions', 'service_healthy'],
  ['/services/shop-replica/deploy', 'replica', 3],
  // A value of another type.
  ['', 'name', 1],
  ['/services/redis', 'image', 8],
  ['/services/prometheus', 'ports', '127.0.0.1:9090:9090'],
  ['/services/alertmanager', 'volumes', { data: '/alertmanager' }],
  ['/services/shop-replica/deploy', 'replicas', [3]],
  ['/services/worker/healthcheck', 'disable', ['yes']],
  // A value that is none of those allowed.
  ['/services/grafana/depends_on/prometheus', 'condition', 'service_health'],
];

const validate = schema();

test('the compose file is valid by the schema of the Compose Specification', () => {
  assert.deepEqual(problems(compose()), []);
});

for (const [path, key, value] of FAULTS) {
  test(`refused: ${path}/${key} = ${JSON.stringify(value)}`, () => {
    const spoilt = compose();
    at(spoilt, path)[key] = value;
    const found = problems(spoilt);
    const named = found.some((problem) => problem.startsWith(path) && problem.includes(key));
    assert.ok(named, found.join('\n') || 'it was accepted');
  });
}

function schema(): ValidateFunction {
  const { $schema, ...rest } = JSON.parse(readFileSync(SCHEMA, 'utf8')) as Json;
  assert.equal(rest['title'], 'Compose Specification');
  // Ajv reads a schema without a draft as draft 7. It does not know the draft by the address that this one gives.
  assert.equal($schema, 'https://json-schema.org/draft-07/schema');
  return new Ajv({ strict: false, allErrors: true }).compile(rest);
}

/** The compose file with its YAML merges done, as compose reads it. */
function compose(): Json {
  return parse(readFileSync(join(STACK_FOLDER, 'compose.yaml'), 'utf8'), { merge: true }) as Json;
}

function problems(file: Json): string[] {
  if (validate(file)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

function at(file: Json, path: string): Json {
  let found = file;
  for (const key of path.split('/').slice(1)) {
    found = found[key] as Json;
    assert.equal(typeof found, 'object', `nothing at ${path}`);
  }
  return found;
}
