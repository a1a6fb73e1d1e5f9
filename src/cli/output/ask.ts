import { confirm, isCancel } from '@clack/prompts';

import { CommandError } from '../exit-codes.js';
import type { Terminal } from './terminal.js';

/**
 * Asks a question that is answered with yes or no; no is the default, and what Ctrl+C means. Where no person can be asked it
 * throws a CommandError that says which flag answers it.
 */
export async function askYes(terminal: Terminal, question: string, flag: string): Promise<boolean> {
  if (!terminal.isInteractive) {
    throw new CommandError(
      'usage',
      `Nobody can be asked here, because the input or the output is no terminal. ${flag} says yes.`,
    );
  }
  const { input, output } = terminal.streams;
  const answer = await confirm({ message: question, initialValue: false, input, output });
  return !isCancel(answer) && answer;
}
