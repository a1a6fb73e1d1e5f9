import assert from 'node:assert/strict';
import { test } from 'node:test';

import { packageUses } from '../../../src/cli/source/package-use.js';
import { parseFile } from '../../../src/cli/source/parse.js';

/** `line member` of everything that is called of the package `p` or one of its sub-paths. */
function usesOf(path: string, text: string): string[] {
  const file = parseFile(path, text);
  assert.ok(file !== undefined);
  return packageUses(file, (name) => name === 'p' || name === '@s/p').uses.map(
    ({ line, packageName, member }) => `${line} ${packageName === 'p' ? '' : `${packageName} `}${member}`,
  );
}

const CASES: ReadonlyArray<readonly [name: string, path: string, text: string, uses: readonly string[]]> = [
  ['a default import', 'a.mjs', "import p from 'p';\np();\nnew p.Counter({});", ['2 ', '3 Counter']],
  [
    'named imports under other names',
    'a.ts',
    "import { Counter as C, type X } from 'p';\nnew C<X>({} as X);",
    ['2 Counter'],
  ],
  [
    'a namespace',
    'a.tsx',
    "import * as client from 'p';\nconst x = <b>{client.register.metrics()}</b>;",
    ['2 register.metrics'],
  ],
  [
    'require, whole and in parts',
    'a.cjs',
    "const p = require('p');\nconst { Counter: C } = p;\nnew C({});\np.register.metrics();",
    ['3 Counter', '4 register.metrics'],
  ],
  [
    'require where it is used',
    'a.js',
    "new (require('p').Counter)({});\nrequire('@s/p/sub').init();",
    ['1 Counter', '2 @s/p init'],
  ],
  [
    'TypeScript: import = and decorators',
    'a.ts',
    "import p = require('p');\n@Injectable()\nclass A { @Inject() x = new p.Gauge({}); }",
    ['3 Gauge'],
  ],
  ['import()', 'a.mjs', "const { Counter } = await import('p');\nnew Counter();", ['2 Counter']],
  [
    'what a call gives',
    'a.js',
    "const meter = require('p').metrics.getMeter('x');\nmeter.createCounter('c');",
    ['1 metrics.getMeter', '2 metrics.getMeter.().createCounter'],
  ],
  [
    'types and other packages alone',
    'a.ts',
    "import type { Counter } from 'p';\nimport { Gauge } from 'other';\nnew Gauge();",
    [],
  ],
];

for (const [name, path, text, uses] of CASES) test(name, () => assert.deepEqual(usesOf(path, text), uses));

test('a file that is no program is undefined', () => {
  assert.equal(parseFile('a.js', '}{ <<<<<<< HEAD'), undefined);
});
