import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PACKAGE_ROOT } from '../helpers/scratch.js';

/** One Markdown file for readers, by its path in this package. */
export interface Page {
  readonly path: string;
  readonly text: string;
}

export function readPage(path: string): Page {
  return { path, text: readFileSync(join(PACKAGE_ROOT, path), 'utf8') };
}

/** Everything at the top of this package and in `docs`. */
export function allPages(): Page[] {
  return [...markdownIn('.'), ...markdownIn('docs')].map(readPage);
}

function markdownIn(folder: string): string[] {
  const names = readdirSync(join(PACKAGE_ROOT, folder)).filter((name) => name.endsWith('.md'));
  return names.map((name) => join(folder, name));
}

/** The blocks of one language in the order of the page, without their fences. */
export function codeBlocks({ text }: Page, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n(?<code>[\\s\\S]*?)^\`\`\`$`, 'gm');
  return Array.from(text.matchAll(fence), (match) => match.groups?.['code']?.trimEnd() ?? '');
}
