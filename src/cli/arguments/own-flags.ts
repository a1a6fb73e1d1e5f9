import { Option } from 'commander';

import { CommandError } from '../exit-codes.js';
import { optionText, plain } from '../../config/setting-text.js';
import { type Flag, type Flags, kebab } from './flags.js';

/** The flags of a command as commander knows them. */
export function ownFlags(flags: Flags): Option[] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    const value = flag.value === undefined ? '' : ` <${flag.value}>`;
    const option = new Option(`${short}--${kebab(name)}${value}`, helpOf(flag));
    return flag.value === undefined ? option : option.argParser((text: string) => parsed(name, flag, text));
  });
}

/** Every flag with its value or its default. */
export function flagValues(
  flags: Flags,
  options: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [name, options[name] ?? flag.default]),
  );
}

export function helpOf({ description, default: value, defaultText }: Flag): string {
  const text = defaultText ?? (value === undefined || value === false ? '' : optionText(value));
  if (text === '') return description;
  return `${description} Default: ${text === '.' ? 'the current folder' : text}.`;
}

/** An empty value is a variable of a script that was not set: it is taken where "nothing" is a value, `--filter ""`. */
function parsed(name: string, { kind, default: byDefault }: Flag, text: string): unknown {
  try {
    if (text.trim() === '' && byDefault !== '') throw new RangeError('empty');
    return kind.parse(text);
  } catch {
    const allowed = plain(kind.allowed);
    throw new CommandError(
      'usage',
      `--${kebab(name)}: ${JSON.stringify(text)} is not allowed. Allowed: ${allowed}.`,
    );
  }
}
