import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import type { Environment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { forgetChild, killWithThisProcess, onEnd, type Owner } from '../helpers/owner.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { cliEnvironment, PROGRAM_FILE } from './program.js';

/** How a command on a terminal ended. */
export interface TerminalEnding {
  /** Negative: the number of the signal that ended it. */
  readonly code: number;
  /** The terminal has the settings that it had before. */
  readonly restored: boolean;
}

export interface TerminalOptions {
  readonly env?: Environment;
  readonly columns?: number;
  readonly rows?: number;
  readonly cwd?: string;
  /** Of the shell: `> /dev/full`. */
  readonly redirection?: string;
}

const DRIVER = join(PACKAGE_ROOT, 'test', 'fixtures', 'terminal', 'run-on-terminal.py');

/** The program on a pseudo-terminal; keys are typed, and what it prints is read. */
export class PseudoTerminal {
  readonly #driver: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #output = '';
  #said = '';

  constructor(
    owner: Owner,
    args: readonly string[],
    { env = {}, columns = 100, rows = 30, cwd, redirection = '' }: TerminalOptions = {},
  ) {
    // A terminal has colours, and the tests read them.
    const environment = { TERM: 'xterm-256color', ...cliEnvironment(env) };
    if (!('NO_COLOR' in env)) delete (environment as Record<string, string | undefined>)['NO_COLOR'];
    this.#driver = spawn(
      'python3',
      [
        DRIVER,
        String(columns),
        String(rows),
        'sh',
        '-c',
        `exec "$@" ${redirection}`,
        'sh',
        process.execPath,
        PROGRAM_FILE,
        ...args,
      ],
      { env: environment, ...(cwd !== undefined && { cwd }) },
    );
    killWithThisProcess(this.#driver.pid);
    this.#driver.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#driver.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said += text));
    this.#closed = once(this.#driver, 'close');
    onEnd(owner, async () => {
      const pid = this.#said === '' ? undefined : this.pid;
      this.#driver.kill('SIGKILL');
      if (pid !== undefined && this.#driver.exitCode === null) kill(pid);
      await this.#closed;
      forgetChild(this.#driver.pid);
    });
  }

  /** Everything that was printed so far, with what a terminal takes as orders. */
  get output(): string {
    return this.#output;
  }

  /** Of the program. */
  get pid(): number {
    const [line = ''] = this.#said.split('\n');
    return (JSON.parse(line) as { pid: number }).pid;
  }

  /** The text of the last whole frame, without orders. */
  get screen(): string {
    const [last = ''] = this.#output.split('\u001B[H').slice(-1);
    return plainText(last);
  }

  type(keys: string): void {
    this.#order({ keys });
  }

  resize(columns: number, rows: number): void {
    this.#order({ resize: [columns, rows] });
  }

  /** The window of the terminal is closed. */
  hangUp(): void {
    this.#order({ hangup: true });
  }

  async shows(expected: RegExp): Promise<void> {
    await eventually(() => assert.match(this.screen, expected));
  }

  async ended(): Promise<TerminalEnding> {
    await this.#closed;
    const line = this.#said.trim().split('\n').at(-1) ?? '';
    return JSON.parse(line) as TerminalEnding;
  }

  #order(order: object): void {
    this.#driver.stdin.write(`${JSON.stringify(order)}\n`);
  }
}

/** Without colours and orders of a terminal. */
export function plainText(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/\u001B\[[0-9;?]*[A-Za-z]/g, '').replaceAll('\r', '');
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
