import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import {
  type AppProcess,
  baseEnvironment,
  type Ending,
  type Environment,
  startProgram,
} from '../helpers/app-process.js';
import type { Owner } from '../helpers/owner.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** The program as it is published: one file, which `npm run build` makes. */
export const PROGRAM_FILE: string = join(PACKAGE_ROOT, 'dist', 'bin', 'orchestrator.js');

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment of a newcomer's shell, and these variables; undefined takes one away. */
export function cliEnvironment(env: Environment): Record<string, string> {
  const all = { ...baseEnvironment(), ...env };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export interface RunOptions {
  readonly env?: Environment;
  readonly cwd?: string;
  /** Default: a pipe that is read. */
  readonly stdout?: number | 'pipe';
}

/** Runs one command in pipes, to its end. */
export async function runProgram(
  args: readonly string[],
  { env = {}, cwd, stdout = 'pipe' }: RunOptions = {},
): Promise<Finished> {
  const child = spawn(process.execPath, [PROGRAM_FILE, ...args], {
    env: cliEnvironment(env),
    stdio: ['ignore', stdout, 'pipe'],
    ...(cwd !== undefined && { cwd }),
  });
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [printed, said, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    closed,
  ]);
  return { code, signal, stdout: printed, stderr: said };
}

export interface ProgramOptions {
  readonly env?: Environment;
  /** Default: the root of this package. */
  readonly cwd?: string;
  /** What starts the program, if not the shell itself: `unshare`, `sh -c`. */
  readonly before?: readonly string[];
}

/** Starts `orchestrator` with its output in pipes. */
export function startOrchestrator(
  owner: Owner,
  args: readonly string[],
  { env = {}, cwd = PACKAGE_ROOT, before = [] }: ProgramOptions = {},
): AppProcess {
  const [command = process.execPath, ...line] = [...before, process.execPath, PROGRAM_FILE, ...args];
  return startProgram(owner, command, line, { env, cwd });
}

/** Runs it to its end. */
export function runOrchestrator(
  owner: Owner,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Ending> {
  return startOrchestrator(owner, args, options).ending;
}
