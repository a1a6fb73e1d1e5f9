import { readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';

import { parseFile, SOURCE_FILE, type ParsedFile } from './parse.js';

/** Folders in which nobody writes code by hand. */
const NOT_SOURCE = new Set([
  'node_modules',
  'dist',
  'build',
  'out',
  'coverage',
  'vendor',
  'bower_components',
]);

/** A larger file is a bundle. */
const MAX_BYTES = 500_000;

/** An application that has more is a repository of many; its folders can be named one by one. */
export const MAX_FILES = 5000;

export interface Sources {
  readonly files: readonly ParsedFile[];
  /** Files that no parser can read. */
  readonly unreadable: readonly string[];
  /** True when there were more than {@link MAX_FILES}. */
  readonly incomplete: boolean;
}

/** The source files of an application that have one of `words` in them, parsed; the others are not worth the time. */
export function sourcesOf(folder: string, words: readonly string[]): Sources {
  const { paths, incomplete } = filesBelow(folder, (name) => SOURCE_FILE.test(name));
  const files: ParsedFile[] = [];
  const unreadable: string[] = [];
  for (const path of paths) {
    const text = smallText(join(folder, path));
    if (text === undefined || !words.some((word) => text.includes(word))) continue;
    const parsed = parseFile(path, text);
    if (parsed === undefined) unreadable.push(path);
    else files.push(parsed);
  }
  return { files, unreadable, incomplete };
}

/** Paths below a folder, relative to it, sorted; hidden folders and those of built files are left out. */
export function filesBelow(
  folder: string,
  isWanted: (name: string) => boolean,
): { readonly paths: string[]; readonly incomplete: boolean } {
  const paths: string[] = [];
  const waiting = [''];
  let incomplete = false;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const entry of entriesOf(join(folder, at))) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!NOT_SOURCE.has(entry.name) && !entry.name.startsWith('.')) waiting.push(path);
      } else if (entry.isFile() && isWanted(entry.name)) {
        if (paths.length === MAX_FILES) incomplete = true;
        else paths.push(path);
      }
    }
  }
  return { paths: paths.toSorted(), incomplete };
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    // One that may not be read has no source of this application.
    return [];
  }
}

function smallText(file: string): string | undefined {
  try {
    return statSync(file).size > MAX_BYTES ? undefined : readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
