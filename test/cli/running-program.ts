import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Environment } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { forgetChild, killWithThisProcess, onEnd, type Owner } from '../helpers/owner.js';
import { cliEnvironment, PROGRAM_FILE } from './program.js';

/** `orchestrator serve`, ended when its owner ends. */
export class Serving {
  /** Everything that it said. */
  said = '';
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  /** @param before what starts the program, if not the shell itself: `unshare`, `sh -c` */
  constructor(owner: Owner, args: readonly string[], env: Environment, before: readonly string[] = []) {
    const words = ['serve', '--port', '0', '--host', '127.0.0.1', ...args];
    const [command = process.execPath, ...line] = [...before, process.execPath, PROGRAM_FILE, ...words];
    this.#child = spawn(command, line, {
      env: cliEnvironment(env),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    killWithThisProcess(this.#child.pid);
    this.#child.stderr?.on('data', (piece: Buffer) => (this.said += piece.toString()));
    this.#closed = once(this.#child, 'close').finally(() => forgetChild(this.#child.pid));
    onEnd(owner, () => this.end('SIGKILL').then(() => undefined));
  }

  /** Of its server, once it listens. */
  port(): Promise<number> {
    return eventually(
      () => {
        const port = /targets at https?:\/\/127\.0\.0\.1:(\d+)\/sd/.exec(this.said)?.[1];
        assert.ok(port !== undefined, `it does not serve: ${this.said}`);
        return Number(port);
      },
      { giveUp: () => this.#child.exitCode !== null },
    );
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.#child.kill(signal);
    await this.#closed;
    return this.#child.exitCode;
  }
}
