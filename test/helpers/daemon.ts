import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import { forgetChild, killWithThisProcess } from './owner.js';

/** A server program run for a test: Redis, Sentinel, Prometheus. What it prints is kept for the message of a failure. */
export class Daemon {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #command: string;
  #output = '';

  constructor(
    command: string,
    args: readonly string[],
    cwd: string,
    account: { readonly uid?: number; readonly gid?: number } = {},
  ) {
    this.#command = command;
    this.#child = spawn(command, args, { ...account, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    killWithThisProcess(this.#child.pid);
    this.#ended = once(this.#child, 'close').finally(() => forgetChild(this.#child.pid));
    // Without a listener a program that is missing would end the test process; `assertRunning` tells instead.
    this.#child.on('error', (error) => (this.#output += `${error.message}\n`));
    this.#ended.catch(() => undefined);
    const keep = (piece: Buffer): void => {
      this.#output = (this.#output + piece.toString()).slice(-4000);
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Throws with the program's last words when it has ended. */
  assertRunning(): void {
    if (!this.running) throw new Error(`${this.#command} has ended:\n${this.#output}`);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** Resolves when the program has ended. A paused program is continued first, since it could not hear the signal. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGCONT');
    this.#child.kill(signal);
    await this.#ended;
  }
}
