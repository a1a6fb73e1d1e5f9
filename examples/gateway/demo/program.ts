import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProgramOptions {
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Name of an account to run as, if this process is root. */
  readonly account?: string;
  /** A script that starts the program itself: signals go to both. */
  readonly group?: boolean;
  /** Gets each piece of what it prints. */
  readonly onOutput?: (text: string) => void;
}

/** A machine that does a lot else takes its time; RabbitMQ needs 12 s on an idle one. */
const START_MS = 180_000;

const running = new Set<Program>();
process.once('exit', () => {
  for (const program of running) program.signal('SIGKILL');
});

/** A program that runs beside this one, and not longer. */
export class Program {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly #name: string;
  readonly #group: boolean;
  #output = '';

  constructor(
    command: string,
    { args = [], cwd, env, account, group = false, onOutput }: ProgramOptions = {},
  ) {
    this.#name = command;
    this.#group = group;
    this.child = spawn(command, args, {
      ...(cwd !== undefined && { cwd }),
      ...(env !== undefined && { env }),
      ...(account !== undefined && idsOf(account)),
      detached: group,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this);
    this.ended = once(this.child, 'close').finally(() => running.delete(this));
    this.ended.catch(() => undefined);
    this.child.on('error', (error) => (this.#output += error.message));
    const keep = (piece: Buffer): void => {
      const text = piece.toString();
      this.#output = (this.#output + text).slice(-200_000);
      onOutput?.(text);
    };
    this.child.stdout?.on('data', keep);
    this.child.stderr?.on('data', keep);
  }

  /** What it has printed, the last of it. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Calls until it does not throw. @throws with the program's last words when it has ended, or after three minutes */
  async until<T>(attempt: () => T | Promise<T>): Promise<T> {
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (!this.isRunning) throw new Error(`${this.#name} has ended:\n${this.#output.slice(-3000)}`);
      try {
        return await attempt();
      } catch (error) {
        if (Date.now() > deadline)
          throw new Error(`${(error as Error).message}\n${this.#output.slice(-3000)}`, { cause: error });
      }
      await sleep(50);
    }
  }

  signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (!this.isRunning || pid === undefined) return;
    try {
      process.kill(this.#group ? -pid : pid, signal);
    } catch {
      // It has ended this moment.
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (!this.isRunning) return;
    this.signal(signal);
    await this.ended;
  }
}

/** Ids of an account, for a server that refuses to run as root. Nothing if this process is not root. */
export function idsOf(account: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${account}:`));
  if (line === undefined) throw new Error(`there is no account "${account}" to run a server as`);
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** @throws with what to install if a program is not there */
export function programPath(name: string, debianPackage: string, folders: readonly string[] = []): string {
  const path = [...folders, ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
  if (path !== undefined) return path;
  throw new Error(`${name} is needed and not found: apt-get install ${debianPackage}`);
}

/** A port of 127.0.0.1 that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
