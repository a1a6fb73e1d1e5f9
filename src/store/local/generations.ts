import { readdirSync } from 'node:fs';
import { lutimes, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';

/**
 * A project's folder has one generation of files, and for a moment two: `<number>-<random>.log`, the changes, and
 * `<number>-<random>.state`, the state before the first of them. The first log begins from nothing. The random part keeps a
 * process that was suspended for a long time from bringing back a log that the others have left.
 */
export const FIRST_GENERATION = '1-first';

const FILE = /^(\d+)-[a-z0-9]+\.(?:log|state|[a-z0-9]+\.new)$/;
const LOG = '.log';
const STATE = '.state';
const DAMAGED = 'damaged';

export const logFile = (folder: string, generation: string): string =>
  path.join(folder, `${generation}${LOG}`);
export const stateFile = (folder: string, generation: string): string =>
  path.join(folder, `${generation}${STATE}`);
export const newStateFile = (folder: string, generation: string, writer: string): string =>
  path.join(folder, `${generation}.${writer}.new`);

export function generationAfter(generation: string, random: string): string {
  return `${numberOf(generation) + 1}-${random}`;
}

/** True if `generation` comes after the other one. */
export function isLater(generation: string, than: string): boolean {
  return numberOf(generation) > numberOf(than);
}

/** The newest generation that has a checkpoint. */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  return newest(await files(folder), STATE);
}

/** The newest log, if the checkpoint is gone without which it cannot be read. A folder without logs has lost nothing. */
export async function logWithoutCheckpoint(folder: string): Promise<string | undefined> {
  return orphanOf(await files(folder));
}

/** Both at once, for the end of a process. */
export function generationsNow(folder: string): {
  checkpoint: string | undefined;
  orphan: string | undefined;
} {
  const names = readdirSync(folder).filter((name) => FILE.test(name));
  return { checkpoint: newest(names, STATE), orphan: orphanOf(names) };
}

/** Deletes all files, of whatever version of this package. Processes that use them notice it, and begin anew. */
export async function deleteAll(folder: string): Promise<void> {
  await Promise.all((await files(folder)).map((name) => rm(path.join(folder, name), { force: true })));
}

/** Deletes the files of earlier generations, with those that dead writers left unfinished. */
export async function deleteOlder(folder: string, generation: string): Promise<void> {
  const older = (await files(folder)).filter((name) => isLater(generation, name));
  await Promise.all(older.map((name) => rm(path.join(folder, name), { force: true })));
}

/**
 * Moves all files into a folder, which the next damage replaces. Processes that use the files notice it, and begin anew
 * together with the process that found the damage. Resolves with the folder, or undefined if another process was faster.
 */
export async function setAside(folder: string, culprit: string): Promise<string | undefined> {
  // Listed before the first step: a process that is suspended in between must not move the files of the next store.
  const names = await files(folder);
  const claimed = `${culprit}.damaged`;
  try {
    await rename(culprit, claimed);
  } catch (error) {
    ignoreGone(error);
    return undefined;
  }
  const damaged = path.join(folder, DAMAGED);
  await rm(damaged, { recursive: true, force: true });
  await mkdir(damaged, { mode: 0o700 });
  await rename(claimed, path.join(damaged, path.basename(culprit)));
  await Promise.all(
    names.map((name) => rename(path.join(folder, name), path.join(damaged, name)).catch(ignoreGone)),
  );
  return damaged;
}

/**
 * Keeps the files from looking unused: temporary folders are cleaned by age, and a checkpoint may stay the same for long.
 * Resolves with whether the checkpoint of this generation is there; the first has none.
 */
export async function touch(folder: string, generation: string): Promise<boolean> {
  const seconds = Date.now() / 1000;
  const touched = async (file: string): Promise<boolean> => {
    try {
      await lutimes(file, seconds, seconds);
      return true;
    } catch (error) {
      ignoreGone(error);
      return false;
    }
  };
  const [hasCheckpoint = false] = await Promise.all(
    [stateFile(folder, generation), logFile(folder, generation), folder].map(touched),
  );
  return hasCheckpoint || generation === FIRST_GENERATION;
}

export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

async function files(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => FILE.test(name));
}

function orphanOf(names: readonly string[]): string | undefined {
  const readable = names.some((name) => name.endsWith(STATE) || name === `${FIRST_GENERATION}${LOG}`);
  return readable ? undefined : newest(names, LOG);
}

function newest(names: readonly string[], extension: string): string | undefined {
  const [name] = names.filter((one) => one.endsWith(extension)).toSorted((a, b) => numberOf(b) - numberOf(a));
  return name?.slice(0, -extension.length);
}

const numberOf = (name: string): number => Number.parseInt(name, 10);

function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
