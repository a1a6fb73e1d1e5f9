import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const README = join(__dirname, '../../README.md');

/** Puts a generated text between two comments of the README. Throws if they are not there. */
export function writeReadmeSection(start: string, end: string, text: string): void {
  const readme = readFileSync(README, 'utf8');
  const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no place for the text after ${start}`);
  writeFileSync(README, `${readme.slice(0, from)}${start}\n\n${text}\n\n${readme.slice(to)}`);
}
