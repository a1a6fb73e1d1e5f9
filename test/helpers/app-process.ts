import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { eventually } from './eventually.js';
import { forgetChild, killWithThisProcess, onEnd, type Owner } from './owner.js';
import { PACKAGE_ROOT } from './scratch.js';

/** What `--require` and `--import` get. */
export const PRELOAD: string = join(PACKAGE_ROOT, 'dist', 'register.js');

const MAJOR = Number(process.versions.node.split('.')[0]);

/** Node's permission model: nothing is allowed but what further arguments name. */
export const PERMISSION: string = MAJOR < 22 ? '--experimental-permission' : '--permission';

/** Arguments of a node that may use files and the network, but start no process and no thread. */
export const NO_PROCESS_NO_THREAD: readonly string[] = [
  PERMISSION,
  '--allow-fs-read=*',
  '--allow-fs-write=*',
  ...(MAJOR < 25 ? [] : ['--allow-net']),
];

export type Environment = Readonly<Record<string, string | undefined>>;

export interface AppOptions {
  /** Arguments of the application. */
  readonly args?: readonly string[];
  /** Added to {@link baseEnvironment}. */
  readonly env?: Environment;
  /** Arguments of node. Default: `--require` of the preload. */
  readonly nodeArgs?: readonly string[];
  /** Default: the folder of the fixtures. */
  readonly cwd?: string;
  /** Default: the node that runs the tests. */
  readonly execPath?: string;
}

/** How a process ended, and all it printed. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The path of an application under `test/fixtures/apps`, which are plain JavaScript. */
export function fixturePath(name: string): string {
  return join(PACKAGE_ROOT, 'test', 'fixtures', 'apps', name);
}

/**
 * The environment of a newcomer's shell: nothing of the test runner's or of npm's, and no setting of OpenTelemetry
 * or ours.
 */
export function baseEnvironment(): Record<string, string> {
  const foreign =
    /^(?:OTEL_|ORCHESTRATOR_|REDIS_URL|NODE_(?:OPTIONS|TEST|APP|CHANNEL|UNIQUE)|npm_|INIT_CWD|PM2|pm_|FORCE_COLOR|COLOR)/;
  const env: Record<string, string> = { NO_COLOR: '1' };
  for (const [name, value] of Object.entries(process.env)) {
    if (value !== undefined && !foreign.test(name)) env[name] = value;
  }
  return env;
}

export function mergeEnvironment(...parts: readonly Environment[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) {
      if (value === undefined) delete env[name];
      else env[name] = value;
    }
  }
  return env;
}

/** A spawned application. */
export class AppProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #ending: Promise<Ending>;
  #stdout = '';
  #stderr = '';

  constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error(`${child.spawnfile} could not be started`);
    this.pid = child.pid;
    this.#child = child;
    killWithThisProcess(child.pid);
    child.stdout?.on('data', (piece: Buffer) => (this.#stdout += piece.toString()));
    child.stderr?.on('data', (piece: Buffer) => (this.#stderr += piece.toString()));
    this.#ending = this.#untilEnd();
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process has ended and its output is complete. Never on a deadline: the test runner has one. */
  get ending(): Promise<Ending> {
    return this.#ending;
  }

  /** The first match in what was printed to stdout. Rejects when the process ends, or a minute passes, without it. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#untilPrinted(pattern, () => this.#stdout);
  }

  /** The same for stderr. */
  async waitForStderr(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#untilPrinted(pattern, () => this.#stderr);
  }

  /** The number that follows `label` in stdout: `listening 43211`. */
  async number(label: string): Promise<number> {
    const [, digits] = await this.waitFor(new RegExp(`^${label} (\\d+)$`, 'm'));
    return Number(digits);
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ending> {
    this.send(signal);
    return this.#ending;
  }

  #untilPrinted(pattern: RegExp, printed: () => string): Promise<RegExpExecArray> {
    return eventually(
      () => {
        const match = pattern.exec(printed());
        if (match !== null) return match;
        throw new Error(`${this.#describe()} has not printed ${String(pattern)}`);
      },
      { deadlineMs: 60_000, everyMs: 20, giveUp: () => !this.running },
    );
  }

  async #untilEnd(): Promise<Ending> {
    await once(this.#child, 'close');
    forgetChild(this.pid);
    const { exitCode: code, signalCode: signal } = this.#child;
    return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
  }

  #describe(): string {
    const state = this.running ? 'running' : `ended with ${this.#child.exitCode ?? this.#child.signalCode}`;
    return `process ${this.pid} (${state})\n--- stdout\n${this.#stdout}\n--- stderr\n${this.#stderr}\n---`;
  }
}

/** Spawns a fixture under the preload; it is killed when its owner ends. */
export function startApp(owner: Owner, fixture: string, options: AppOptions = {}): AppProcess {
  const { args = [], env = {}, nodeArgs = ['--require', PRELOAD], execPath = process.execPath } = options;
  return startProgram(owner, execPath, [...nodeArgs, fixturePath(fixture), ...args], {
    env,
    cwd: options.cwd ?? fixturePath('.'),
  });
}

/** Spawns any program in the environment of the fixtures. */
export function startProgram(
  owner: Owner,
  command: string,
  args: readonly string[],
  options: { readonly env?: Environment; readonly cwd: string },
): AppProcess {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: mergeEnvironment(baseEnvironment(), options.env ?? {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const app = new AppProcess(child);
  onEnd(owner, async () => {
    if (app.running) await app.end('SIGKILL');
  });
  return app;
}

/** Runs a fixture to its end. */
export async function runApp(owner: Owner, fixture: string, options: AppOptions = {}): Promise<Ending> {
  return startApp(owner, fixture, options).ending;
}
