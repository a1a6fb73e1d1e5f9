import { defaultText } from '../../src/config/setting-text.js';
import { SETTINGS, type Setting, type SettingName } from '../../src/config/settings.js';

/** Of a line of text inside the comment. */
const WIDTH = 105;

/** `src/config/setting-options.ts`: the options of `start()`, each with what its row says of it, as editors show it. */
export function optionTypes(): string {
  const options = (Object.keys(SETTINGS) as SettingName[]).map((name) => option(name, SETTINGS[name]));
  return `${HEADER}\n${options.join('\n\n')}\n}\n`;
}

function option(name: SettingName, { env, kind, description, ...row }: Setting): string {
  const variables = env.map((variable) => `\`${variable}\``).join(', else ');
  const facts = `Variable: ${variables}. Default: ${defaultText({ env, kind, description, ...row })}. Allowed: ${kind.allowed}.`;
  const lines = [...wrap(description), '', ...wrap(facts)].map((line) => `   * ${line}`.trimEnd());
  const value = `Settings['${name}']${isList(kind) ? ' | string' : ''} | undefined`;
  return ['  /**', ...lines, '   */', `  readonly ${name}?: ${value};`].join('\n');
}

/** A list may also be text, as its variable has it. */
function isList({ allowed }: Setting['kind']): boolean {
  return allowed.startsWith('a comma-separated list');
}

/** Globs in a text must not end the comment that it stands in. */
function wrap(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.replaceAll('*/', String.raw`*\/`).split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + word.length >= WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}

const HEADER = `// Written by \`npm run docs\` from the table in settings.ts. Change the table, not this file.
import type { Settings } from './settings.js';

/**
 * Options of \`start()\` and \`createStore()\`: every setting by name. An option wins over its environment variable and is
 * checked in the same way; one that is not allowed throws ORCHESTRATOR_INVALID_SETTING. Undefined leaves it to the variable. A
 * list is an array, or text as its variable has it: \`redisNodes: [{ host: '10.0.0.1', port: 26379 }]\` or \`'10.0.0.1:26379'\`.
 */
export interface SettingOptions {`;
