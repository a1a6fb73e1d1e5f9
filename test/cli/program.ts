import { join } from 'node:path';

import { startProgram, type AppProcess, type Ending, type Environment } from '../helpers/app-process.js';
import type { Owner } from '../helpers/owner.js';
import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** The program as it is installed. */
export const PROGRAM: string = join(PACKAGE_ROOT, 'dist', 'bin', 'orchestrator.js');

export interface ProgramOptions {
  readonly env?: Environment;
  /** Default: the root of this package. */
  readonly cwd?: string;
}

/** Starts `orchestrator` with its output in pipes. */
export function startOrchestrator(
  owner: Owner,
  args: readonly string[],
  { env = {}, cwd = PACKAGE_ROOT }: ProgramOptions = {},
): AppProcess {
  return startProgram(owner, process.execPath, [PROGRAM, ...args], { env, cwd });
}

/** Runs it to its end. */
export function runOrchestrator(
  owner: Owner,
  args: readonly string[],
  options?: ProgramOptions,
): Promise<Ending> {
  return startOrchestrator(owner, args, options).ending;
}
