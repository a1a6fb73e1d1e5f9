import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of this package. */
export const ROOT: string = resolve(__dirname, '../../..');

/** A page that is written by hand but for what `npm run docs` writes between `<!-- name -->` and `<!-- end -->`. */
export function handWrittenPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function withRegion(page: string, name: string, content: string): string {
  const begin = `<!-- ${name} -->\n\n`;
  const from = page.indexOf(begin);
  if (from === -1) throw new Error(`The page has no place for ${begin.trim()}`);
  const to = page.indexOf('\n\n<!-- end -->', from);
  return page.slice(0, from + begin.length) + content + page.slice(to);
}

/** Puts what a run has observed into such a page. */
export function writeRegion(path: string, name: string, content: string): void {
  writeFileSync(join(ROOT, path), withRegion(handWrittenPage(path), name, content));
}
