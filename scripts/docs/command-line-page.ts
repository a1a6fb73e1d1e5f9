import type { Flag } from '../../src/cli/arguments/flags.js';
import { kebab } from '../../src/cli/arguments/flags.js';
import { helpOf } from '../../src/cli/arguments/own-flags.js';
import type { Argument, Command } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { PROGRAM } from '../../src/cli/program-name.js';
import { SETTINGS } from '../../src/config/settings.js';
import { table } from './markdown.js';
import { handWrittenPage, withRegion } from './region.js';

/** `docs/command-line.md`: the commands with their flags and examples, and the exit codes; the rest is written by hand. */
export function commandLinePage(): string {
  const shown = COMMANDS.filter(({ isHidden }) => isHidden !== true);
  const list = table(
    ['Command', 'What it does'],
    shown.map(({ name, summary }) => [`[\`${name}\`](#${name})`, summary]),
  );
  const codes = table(
    ['Code', 'Meaning'],
    Object.values(EXIT_CODES).map(({ code, meaning }) => [String(code), meaning]),
  );
  const page = withRegion(handWrittenPage('docs/command-line.md'), 'commands', list);
  return withRegion(withRegion(page, 'exit-codes', codes), 'reference', shown.map(section).join('\n\n'));
}

function section(command: Command): string {
  const { name, summary, description, args, examples, settings } = command;
  const parts = [
    `### ${name}`,
    summary,
    ...(description === undefined ? [] : [escaped(description)]),
    `\`\`\`text\n${[PROGRAM, name, ...args.map(syntaxOf), '[flags]'].join(' ')}\n\`\`\``,
    ...flagTable(command),
    ...(examples.length > 0 ? [exampleBlock(command)] : []),
    ...(settings.length > 0
      ? [`Settings that matter to it: ${settings.map((one) => `\`${SETTINGS[one].env[0]}\``).join(', ')}.`]
      : []),
  ];
  return parts.join('\n\n');
}

function flagTable({ args, flags }: Command): string[] {
  const rows = [
    ...args.map((one) => [`\`${syntaxOf(one)}\``, escaped(one.description)]),
    ...Object.entries(flags).map(([name, flag]) => [`\`${flagSyntax(name, flag)}\``, escaped(helpOf(flag))]),
  ];
  return rows.length === 0 ? [] : [table(['Argument or flag', 'Meaning'], rows)];
}

function flagSyntax(name: string, { short, value }: Flag): string {
  return `${short === undefined ? '' : `-${short}, `}--${kebab(name)}${value === undefined ? '' : ` <${value}>`}`;
}

function exampleBlock({ examples }: Command): string {
  const lines = examples.map(({ command, does }) => `# ${does}\n${PROGRAM} ${command}`);
  return `\`\`\`sh\n${lines.join('\n')}\n\`\`\``;
}

function syntaxOf({ name, optional, variadic }: Argument): string {
  const inner = variadic === true ? `${name}...` : name;
  return optional === true ? `[${inner}]` : `<${inner}>`;
}

/** What stands between angle brackets is no HTML. */
function escaped(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
