import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';

import { PACKAGE_ROOT } from '../helpers/scratch.js';
import { allPages, readPage, type Page } from './pages.js';

interface Link {
  readonly from: string;
  readonly target: string;
}

function relativeLinks({ path, text }: Page): Link[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return Array.from(prose.matchAll(/\]\((?<target>[^)\s]+)\)/g), (match) => match.groups?.['target'] ?? '')
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => ({ from: path, target }));
}

/** As GitHub makes them from headings. */
function anchors({ text }: Page): string[] {
  return Array.from(text.matchAll(/^#+ (?<title>.*)$/gm), (match) =>
    (match.groups?.['title'] ?? '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function problem({ from, target }: Link): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : normalize(join(dirname(from), path));
  if (!existsSync(join(PACKAGE_ROOT, file))) return `${from}: ${target} does not exist`;
  if (anchor === undefined || statSync(join(PACKAGE_ROOT, file)).isDirectory()) return undefined;
  return anchors(readPage(file)).includes(anchor) ? undefined : `${from}: ${target} has no such heading`;
}

test('every relative link leads to a file, and to a heading if it names one', () => {
  const problems = allPages().flatMap(relativeLinks).map(problem);
  assert.deepEqual(
    problems.filter((found) => found !== undefined),
    [],
  );
});
