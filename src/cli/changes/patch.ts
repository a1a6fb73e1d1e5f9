import { createTwoFilesPatch } from 'diff';

import type { FileChange } from './file-change.js';

/**
 * The change as `diff -u` shows it, without colours and without secrets: of a file that has passwords in it only what is
 * added, of any other no value whose name or place says that it is one.
 */
export function patchOf({ path, before, after, secret }: FileChange): string {
  const from = before === undefined ? '/dev/null' : path;
  const old = secret === true ? ended(before ?? '') : (before ?? '');
  const patch = createTwoFilesPatch(from, path, old, after, '', '', { context: secret === true ? 0 : 2 });
  return patch
    .split('\n')
    .filter((line) => !/^(?:Index: |=+$)/.test(line))
    .map((line) => (secret === true && /^[- ](?!--)/.test(line) ? `${line.charAt(0)}(hidden)` : line))
    .map(withoutSecrets)
    .join('\n')
    .trimEnd();
}

/** A last line without its line feed would be shown as a changed one. */
function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

const SECRET_VALUE =
  /((?:passw|passphrase|secret|token|credential|api[-_]?key|private[-_]?key)\w*["']?[ \t]*[=:][ \t]*)("[^"]*"|'[^']*'|[^\s,;}"']+)/gi;
const SECRET_OF_URL = /(:\/\/[^\s:/@"']*:)[^\s"']*@/g;

function withoutSecrets(line: string): string {
  return line.replaceAll(SECRET_OF_URL, '$1(hidden)@').replaceAll(SECRET_VALUE, '$1(hidden)');
}
