import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DaemonOptions {
  /** Folder of its log file, and its working directory unless `cwd` says another. */
  readonly dir: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Account to run as; PostgreSQL refuses root. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

const running = new Set<ChildProcess>();

// A process that ends without having stopped its daemons takes them with it.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program that runs until it is stopped, with its output in `<dir>/<name>.log`. */
export class Daemon {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #log: string;

  constructor(name: string, program: string, args: readonly string[], options: DaemonOptions) {
    this.name = name;
    this.#log = join(options.dir, `${name}.log`);
    const { cwd = options.dir, env = process.env, uid, gid } = options;
    this.#child = spawn(program, args, {
      cwd,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid !== undefined && { uid }),
      ...(gid !== undefined && { gid }),
    });
    const log = createWriteStream(this.#log, { flags: 'a' });
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    running.add(this.#child);
    this.#child.once('close', () => {
      running.delete(this.#child);
      log.end();
    });
    this.#child.once('error', (error) => log.write(`${error.message}\n`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Null while it runs, and when a signal has ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** What it has printed so far. */
  get output(): string {
    return readFileSync(this.#log, 'utf8');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#child, 'close');
    this.#child.kill(signal);
    // A stopped process takes no signal but SIGKILL before it is continued.
    if (signal !== 'SIGKILL') this.#child.kill('SIGCONT');
    await gone;
  }

  /** Calls `check` until it does not reject. @throws its last error after `seconds`, or when the daemon has ended */
  async until(check: () => Promise<unknown>, seconds = 60): Promise<void> {
    await eventually(async () => {
      if (!this.running) throw new EndedError(`${this.name} has ended:\n${this.output.slice(-2000)}`);
      await check();
    }, seconds);
  }
}

class EndedError extends Error {}

/** Calls `check` until it does not reject. @throws its last error after `seconds` */
export async function eventually<Result>(check: () => Promise<Result>, seconds = 60): Promise<Result> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (error instanceof EndedError || Date.now() > end) throw error;
    }
    await sleep(50);
  }
}
