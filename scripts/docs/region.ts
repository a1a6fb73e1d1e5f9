import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of this package. */
export const ROOT: string = resolve(__dirname, '../../..');

/** A page that is written by hand, with what `npm run docs` writes between two marks in it. */
export function withRegion(path: string, name: string, content: string): string {
  const page = readFileSync(join(ROOT, path), 'utf8');
  const [begin, end] = [`<!-- ${name}: written by \`npm run docs\` -->`, `<!-- end of ${name} -->`];
  const [before, rest] = split(page, begin, path);
  const [, after] = split(rest, end, path);
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
}

function split(text: string, mark: string, path: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`${path} has no ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
