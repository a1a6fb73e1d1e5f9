import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';

import { type Flag, kebab } from '../../src/cli/arguments/flags.js';
import type { Command } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { FINDING_TABLE } from '../../src/cli/doctor/findings.js';
import { CommandError } from '../../src/cli/exit-codes.js';
import { parseCommandLine } from '../../src/cli/program.js';
import { plain } from '../../src/config/setting-text.js';
import { allPages, codeBlocks } from '../docs/pages.js';

/** The words of command lines as a shell makes them: without redirections and pipes, and without running anything. */
function wordsOf(lines: readonly string[]): string[][] {
  const script = lines
    .map((line) => line.replace(/ (?:\||>|#) .*$/, ''))
    .map((line) => `printf '%s\\0' ${line}; printf '\\1'`)
    .join('\n');
  const printed = execFileSync('bash', ['-f', '-c', script], { encoding: 'utf8' });
  return printed
    .split('\u0001')
    .slice(0, -1)
    .map((line) => line.split('\0').slice(0, -1));
}

/** Parses the words behind the program. @returns the name of the command; undefined where help is printed */
function parsed(words: readonly string[]): string | undefined {
  const end = words.indexOf('--');
  const result = parseCommandLine(COMMANDS, end === -1 ? words : words.slice(0, end), undefined);
  return 'command' in result ? result.command.name : undefined;
}

function refusal(words: readonly string[]): CommandError {
  try {
    parseCommandLine(COMMANDS, words, undefined);
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error));
    return error;
  }
  return assert.fail(`accepted: ${words.join(' ')}`);
}

/** Arguments that a command cannot do without. */
const needed = ({ args }: Command): string[] =>
  args.filter(({ optional }) => optional !== true).map(() => 'shop');

describe('every example is accepted by the parser', () => {
  test('of the help', () => {
    const examples = COMMANDS.flatMap(({ name, examples: own }) =>
      own.map(({ command }) => ({ name, command })),
    );
    assert.ok(examples.length > 20);
    const lines = wordsOf(examples.map(({ command }) => command));
    for (const [index, { name, command }] of examples.entries())
      assert.equal(parsed(lines[index] ?? []), name, command);
  });

  test('of the pages', () => {
    const lines = allPages().flatMap((page) =>
      ['sh', 'text']
        .flatMap((language) => codeBlocks(page, language))
        .flatMap((block) => block.split('\n'))
        .flatMap((line) => /^(?:npx )?orchestrator ([a-z].*)$/.exec(line)?.slice(1) ?? [])
        // The form of a command, and not a call of it.
        .filter((line) => !line.endsWith('[flags]')),
    );
    assert.ok(lines.length > 20);
    for (const [index, words] of wordsOf(lines).entries())
      assert.equal(parsed(words), words[0], lines[index]);
  });

  test('of what doctor says to type', () => {
    const lines = Object.values(FINDING_TABLE)
      .flatMap(({ fix }) => fix.split('; '))
      .flatMap((line) => /^orchestrator (.*)$/.exec(line)?.slice(1) ?? [])
      .map((line) => line.replaceAll('<free>', '9465').replaceAll(/<\w+>/g, 'shop'));
    assert.ok(lines.length > 5);
    for (const [index, words] of wordsOf(lines).entries())
      assert.equal(parsed(words), words[0], lines[index]);
  });
});

/** By the flag's name for its value: what is refused, beside nothing at all. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  number: ['many', '-1', '1.5', '1e9999', '999999999999'],
  time: ['soon', '-1s', '0', '10 years', '999h'],
  way: ['somehow'],
  format: ['xml'],
  globs: [',', ' , '],
  'host:port': ['metrics.example.com', ':9464', 'a:b', 'a:0', 'a:70000', "a':1", 'a:1,b:2', 'http://a:1'],
  list: ['orders'],
};
/** Any text is right: a folder that is not there is said by the command, and so is an address that nobody has. */
const ANY = new Set(['path', 'text', 'address']);

describe('a wrong value is refused by a sentence that names the flag and what is allowed', () => {
  for (const command of COMMANDS) {
    const flags = Object.entries(command.flags).filter(([, { value }]) => value !== undefined);
    if (flags.length === 0) continue;
    test(command.name, () => {
      for (const [key, { value = '', kind, default: byDefault }] of flags) {
        const flag = `--${kebab(key)}`;
        const wrong = [...(WRONG[value] ?? []), ...(byDefault === '' ? [] : ['', ' '])];
        assert.ok(ANY.has(value) || value in WRONG, `no wrong values for <${value}> of ${flag}`);
        // 0 is a value of some.
        for (const text of wrong.filter((one) => one !== '0' || !accepts(kind, one))) {
          const { ending, message } = refusal([command.name, ...needed(command), `${flag}=${text}`]);
          assert.equal(ending, 'usage');
          assert.equal(
            message,
            `${flag}: ${JSON.stringify(text)} is not allowed. Allowed: ${plain(kind.allowed)}.`,
          );
        }
      }
    });
  }

  test('an argument that is empty, that is missing, or one too many', () => {
    for (const command of COMMANDS.filter(({ isHidden }) => isHidden !== true)) {
      const { name, args } = command;
      if (args.length > 0)
        assert.match(
          refusal([name, '', ...needed(command).slice(1)]).message,
          /^An argument is empty, as of a variable that is not set\. See "orchestrator \w+ --help"\.$/,
        );
      if (needed(command).length > 0) assert.match(refusal([name]).message, /^Missing required argument/);
      if (args.some(({ variadic }) => variadic === true)) continue;
      const many = Array.from({ length: args.length + 1 }, () => 'x');
      assert.match(refusal([name, ...many]).message, /^Too many arguments/);
    }
  });
});

function accepts(kind: Flag['kind'], text: string): boolean {
  try {
    kind.parse(text);
    return true;
  } catch {
    return false;
  }
}
