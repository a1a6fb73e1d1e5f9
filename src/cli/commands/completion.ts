import { RootCommand } from '@bomb.sh/tab';

import { oneOf } from '../../config/setting-kinds.js';
import { plain } from '../../config/setting-text.js';
import { type Command, defineCommand } from '../command.js';
import { CommandError } from '../exit-codes.js';
import { PROGRAM } from '../program-name.js';

const SHELLS = oneOf('bash', 'zsh', 'fish', 'powershell');

/** Prints what a shell needs to complete command lines. It asks `complete` for the words. */
export const completion: Command = defineCommand({
  name: 'completion',
  summary: 'Prints a script that completes command lines in bash, zsh, fish or powershell.',
  description:
    'Commands, flags, their values and names of projects are completed. The script needs the program on the PATH.',
  args: [{ name: 'shell', description: 'bash, zsh, fish or powershell' }],
  settings: [],
  examples: [
    {
      command: 'completion bash > ~/.local/share/bash-completion/completions/orchestrator',
      does: 'For bash:',
    },
    { command: 'completion zsh > "${fpath[1]}/_orchestrator"', does: 'For zsh:' },
    { command: 'completion fish > ~/.config/fish/completions/orchestrator.fish', does: 'For fish:' },
  ],
  run: async ({ args: [shell = ''], json, terminal }) => {
    try {
      SHELLS.parse(shell);
    } catch {
      throw new CommandError(
        'usage',
        `${JSON.stringify(shell)} is no shell that is known: ${plain(SHELLS.allowed)}.`,
      );
    }
    const script = scriptFor(shell.toLowerCase());
    if (json) await terminal.json({ script });
    else await terminal.line(script);
  },
});

/* oxlint-disable no-console -- the library prints, and what it prints is wanted */
/** The library prints, and nobody would hear of a disk that is full. */
function scriptFor(shell: string): string {
  const lines: string[] = [];
  const printing = console.log;
  console.log = (line: string) => lines.push(line);
  try {
    new RootCommand().setup(PROGRAM, PROGRAM, shell);
  } finally {
    console.log = printing;
  }
  return lines.join('\n');
}
