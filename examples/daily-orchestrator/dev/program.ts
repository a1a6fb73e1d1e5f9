import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** An account to which a server belongs that refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

export function accountOf(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (which: string): number => Number(execFileSync('id', [which, name], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  readonly cwd?: string | undefined;
  readonly account?: Account | undefined;
}

const running = new Set<Program>();
process.on('exit', () => {
  for (const program of running) program.kill('SIGKILL');
});

/** A program that runs beside this process and ends with it. What it prints is kept. */
export class Program {
  readonly name: string;
  output = '';
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(name: string, command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.name = name;
    this.#child = spawn(command, args, {
      ...options.account,
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    this.#ended = once(this.#child, 'close').finally(() => running.delete(this));
    this.#ended.catch((error: unknown) => (this.output += String(error)));
    const keep = (piece: Buffer): void => {
      this.output += piece.toString();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Throws with the program's last words when it has ended. */
  assertRunning(): void {
    if (!this.running) throw new Error(`${this.name} has ended:\n${this.output.slice(-4000)}`);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  async ended(): Promise<number | null> {
    await this.#ended.catch(() => undefined);
    return this.#child.exitCode;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.kill(signal);
    return this.ended();
  }
}

/** The path of a program that may be kept off the PATH, as Debian does with servers. Undefined if it is not installed. */
export function findProgram(name: string, folders: readonly string[] = []): string | undefined {
  const path = (process.env['PATH'] ?? '').split(delimiter);
  return [...folders, ...path].map((folder) => join(folder, name)).find((file) => existsSync(file));
}
