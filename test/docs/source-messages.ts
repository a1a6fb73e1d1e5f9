import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** All of `src`, with `…` for every `${…}`, and template literals that are joined by `+` as one. */
export function flattenedSource(): string {
  const folder = join(PACKAGE_ROOT, 'src');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return files.map((name) => flatten(readFileSync(join(folder, name), 'utf8'))).join('\n');
}

function flatten(source: string): string {
  let result = '';
  for (let at = 0; at < source.length; at++) {
    if (source.startsWith('${', at)) {
      at = endOfBraces(source, at + 1);
      result += '…';
    } else result += source[at];
  }
  return result.replaceAll(/[`'] \+\s*[`']/g, '');
}

/** The index of the brace that closes the one at `open`. */
function endOfBraces(source: string, open: number): number {
  let depth = 0;
  for (let at = open; at < source.length; at++) {
    if (source[at] === '{') depth++;
    else if (source[at] === '}' && --depth === 0) return at;
  }
  return source.length;
}

/** Messages that are written out where they are printed. */
export function printedMessages(source: string): string[] {
  const calls =
    /(?:\bwarn|\.#warn|\.#complain|\.warn)\(\s*(?<quote>[`'"])(?<message>(?:(?!\k<quote>)[\s\S])*)\k<quote>/g;
  return Array.from(source.matchAll(calls))
    .filter((match) => !source.slice(0, match.index).endsWith('diag'))
    .map((match) => match.groups?.['message'] ?? '');
}
