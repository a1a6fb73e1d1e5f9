import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Owner } from './owner.js';
import { PACKAGE_ROOT, scratchDir } from './scratch.js';

const COMPILER = join(PACKAGE_ROOT, 'node_modules', 'typescript', 'bin', 'tsc');

/**
 * Validates JSON by a schema that is published as TypeScript types: the compiler refuses an unknown key, a value of
 * another type and a key that is missing.
 *
 * @param types the module that exports `type`, as a path from the root of this package, with `.js` at its end
 * @param texts name -> JSON. All are compiled at once, in less than a second.
 * @returns name -> what is wrong with it, the line of the JSON and what the compiler says; without those that are valid
 */
export function typeErrors(
  owner: Owner,
  { types, type }: { readonly types: string; readonly type: string },
  texts: ReadonlyMap<string, string>,
): Map<string, string[]> {
  const folder = scratchDir(owner, 'types');
  const compilerOptions = { strict: true, noEmit: true, module: 'node20', skipLibCheck: true, types: [] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const from = JSON.stringify(join(PACKAGE_ROOT, types));
  for (const [name, text] of texts)
    writeFileSync(
      join(folder, `${name}.ts`),
      `import type { ${type} } from ${from};export const json: ${type} = ${text}`,
    );
  const { stdout, status, error } = spawnSync(process.execPath, [COMPILER, '--pretty', 'false'], {
    cwd: folder,
    encoding: 'utf8',
  });
  const errors = new Map<string, string[]>();
  for (const output of stdout.split('\n').filter((line) => /^\S/.test(line))) {
    const [, name = '', line, message] = /^([\w-]+)\.ts\((\d+),\d+\): error (.*)$/.exec(output) ?? [];
    const text = texts.get(name);
    assert.ok(text !== undefined, output);
    const found = `line ${line}: ${text.split('\n')[Number(line) - 1]?.trim()}: ${message}`;
    errors.set(name, [...(errors.get(name) ?? []), found]);
  }
  assert.equal(status === 0, errors.size === 0, error?.message ?? `tsc ended with ${status}`);
  return errors;
}
