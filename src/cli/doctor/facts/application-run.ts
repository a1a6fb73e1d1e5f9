import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Environment } from '../../../config/environment.js';
import { reason } from '../../../errors.js';
import { CommandError } from '../../exit-codes.js';
import { probeSource, type ProcessReport } from './probe.js';

/** How an application behaved for a few seconds. */
export interface ApplicationRun {
  /** As it was started, without `node`. */
  readonly args: readonly string[];
  readonly seconds: number;
  readonly processes: readonly ProcessReport[];
  readonly stderr: string;
  /** How it ended by itself: `code 1`, `SIGSEGV`; undefined if it ran until it was told to end. */
  readonly ended: string | undefined;
}

/** Enough for every warning of a start. */
const MAX_OUTPUT = 200_000;

/** An application may drain as long as PM2 and Docker let it. */
const DRAIN_MS = 10_000;

/**
 * Runs `node args` in the folder for some seconds, with a look into each Node.js process that it starts, and ends it by SIGTERM.
 * It is the real application: it listens, writes to its store, and is an instance meanwhile.
 */
export async function runApplication(
  args: readonly string[],
  folder: string,
  environment: Environment,
  seconds: number,
  signal: AbortSignal,
): Promise<ApplicationRun> {
  const reports = temporaryFolder();
  try {
    const probe = join(reports, 'probe.cjs');
    const options = [environment['NODE_OPTIONS'], `--require ${JSON.stringify(probe)}`]
      .filter(Boolean)
      .join(' ');
    const child = spawn(process.execPath, [...args], {
      cwd: folder,
      env: { ...environment, NODE_OPTIONS: options },
      stdio: ['ignore', 'ignore', 'pipe'],
      // A group of its own, so that its children end with it.
      detached: true,
    });
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => {
      if (stderr.length < MAX_OUTPUT) stderr += part.toString();
    });
    // Its timer would keep this process alive after an application that has ended.
    const over = new AbortController();
    const isOver = await Promise.race([
      once(child, 'close').then(() => true),
      sleep(seconds * 1000, false, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => false),
    ]);
    over.abort();
    const processes = readReports(reports);
    const ended = isOver ? endingOf(child) : undefined;
    if (!isOver) await end(child);
    return { args, seconds, processes, stderr, ended };
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

/** With the probe in it. */
function temporaryFolder(): string {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), 'orchestrator-doctor-'));
    writeFileSync(join(folder, 'probe.cjs'), probeSource(folder));
    return folder;
  } catch (error) {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    const what = `The folder for temporary files, ${tmpdir()}, cannot be written: ${reason(error)}.`;
    throw new CommandError('cannotWrite', `${what} TMPDIR names another one.`);
  }
}

function endingOf({ exitCode, signalCode }: ChildProcess): string {
  return signalCode ?? `code ${exitCode ?? 0}`;
}

function readReports(folder: string): ProcessReport[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => {
      try {
        return [JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProcessReport];
      } catch {
        // It was being written when the process was ended.
        return [];
      }
    });
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, 'close');
  killGroup(child, 'SIGTERM');
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), DRAIN_MS);
  await closed;
  clearTimeout(timer);
}

function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of it has ended.
  }
}
