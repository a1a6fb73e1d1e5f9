import type { ObjectExpression } from '@babel/types';

import { parseFile, walk } from '../source/parse.js';
import { propertyOf } from '../source/static-value.js';
import type { EnvLine } from './env-lines.js';
import { PRELOAD_OPTION } from './preload.js';

/** A new ecosystem file of PM2 for one application. */
export function newEcosystem(name: string, script: string, settings: readonly EnvLine[]): string {
  const env = settings.map((line) => `        ${line.name}: ${text(line.value)},\n`).join('');
  return `module.exports = {
  apps: [
    {
      name: ${text(name)},
      script: ${text(script)},
      node_args: ${text(PRELOAD_OPTION)},
      env: {
${env}      },
    },
  ],
};
`;
}

/** The ecosystem file with the settings in the `env` of each application that PM2 runs; what it names already stays. */
export function ecosystemWithEnv(path: string, source: string, settings: readonly EnvLine[]): string {
  const isJson = path.endsWith('.json');
  // JSON is an expression of JavaScript; what is put before it is taken off again.
  const lead = isJson ? 'x=' : '';
  const parsed = parseFile(isJson ? 'ecosystem.js' : path, lead + source);
  if (parsed === undefined) return source;
  const written = settings.map(({ name, value }) => ({
    name,
    pair: isJson ? `${JSON.stringify(name)}: ${JSON.stringify(value)}` : `${name}: ${text(value)}`,
  }));
  const insertions: Array<readonly [at: number, text: string]> = [];
  walk(parsed.program.program, (node) => {
    if (node.type !== 'ObjectExpression' || propertyOf(node, 'node_args') === undefined) return;
    const insertion = insertionFor(node, written, isJson);
    if (insertion !== undefined) insertions.push(insertion);
  });
  let after = lead + source;
  for (const [at, added] of insertions.toSorted(([a], [b]) => b - a))
    after = after.slice(0, at) + added + after.slice(at);
  return after.slice(lead.length);
}

/** A setting as it stands in the file. */
interface Written {
  readonly name: string;
  readonly pair: string;
}

function insertionFor(
  application: ObjectExpression,
  settings: readonly Written[],
  isJson: boolean,
): readonly [number, string] | undefined {
  const env = propertyOf(application, 'env');
  if (env === undefined) {
    const args = propertyOf(application, 'node_args');
    const pairs = settings.map(({ pair }) => pair).join(', ');
    return typeof args?.end === 'number' && pairs !== ''
      ? [args.end, `, ${isJson ? '"env"' : 'env'}: { ${pairs} }`]
      : undefined;
  }
  if (env.type !== 'ObjectExpression' || typeof env.start !== 'number') return undefined;
  const missing = settings.filter(({ name }) => propertyOf(env, name) === undefined);
  if (missing.length === 0) return undefined;
  return [
    env.start + 1,
    ` ${missing.map(({ pair }) => pair).join(', ')}${env.properties.length > 0 ? ',' : ' '}`,
  ];
}

function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", String.raw`\'`)}'`;
}
