import { mkdir, readdir, rename, rm, utimes } from 'node:fs/promises';
import path from 'node:path';

/**
 * A project's folder has one generation of files, and for a moment two: `<number>-<random>.log`, the changes, and
 * `<number>-<random>.state`, the state before the first of them. The first log begins from nothing. The random part keeps a
 * process that was suspended for a long time from bringing back a log that the others have left.
 */
export const FIRST_GENERATION = '1-first';

const FILE = /^(\d+)-[a-z0-9]+\.(?:log|state|[a-z0-9]+\.new)$/;
const DAMAGED = 'damaged';

export const logFile = (folder: string, generation: string): string => path.join(folder, `${generation}.log`);
export const stateFile = (folder: string, generation: string): string =>
  path.join(folder, `${generation}.state`);
export const newStateFile = (folder: string, generation: string, writer: string): string =>
  path.join(folder, `${generation}.${writer}.new`);

export function generationAfter(generation: string, random: string): string {
  return `${Number.parseInt(generation, 10) + 1}-${random}`;
}

/** The newest generation that has a checkpoint. */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  const states = (await readdir(folder)).filter((name) => FILE.test(name) && name.endsWith('.state'));
  const newest = states.toSorted((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10))[0];
  return newest?.slice(0, -'.state'.length);
}

/** Deletes the files of earlier generations, with those that dead writers left unfinished. */
export async function deleteOlder(folder: string, generation: string): Promise<void> {
  const current = Number.parseInt(generation, 10);
  const older = (await readdir(folder)).filter(
    (name) => FILE.test(name) && Number.parseInt(name, 10) < current,
  );
  await Promise.all(older.map((name) => rm(path.join(folder, name), { force: true })));
}

/**
 * Moves all files into a folder, which the next damage replaces. Processes that use the files notice it, and begin anew
 * together with the process that found the damage. Resolves with the folder, or undefined if another process was faster.
 */
export async function setAside(folder: string, culprit: string): Promise<string | undefined> {
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
  const names = (await readdir(folder)).filter((name) => FILE.test(name));
  await Promise.all(
    names.map((name) => rename(path.join(folder, name), path.join(damaged, name)).catch(ignoreGone)),
  );
  return damaged;
}

/** Keeps the files from looking unused: temporary folders are cleaned by age, and a checkpoint may stay the same for long. */
export async function touch(folder: string, generation: string): Promise<void> {
  const nowSeconds = Date.now() / 1000;
  const files = [folder, logFile(folder, generation), stateFile(folder, generation)];
  await Promise.all(files.map((file) => utimes(file, nowSeconds, nowSeconds).catch(ignoreGone)));
}

export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function ignoreGone(error: unknown): void {
  if (!isGone(error)) throw error;
}
