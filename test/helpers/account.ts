import { execFileSync } from 'node:child_process';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** For servers that refuse to run as root: the account that their Debian package brings. Undefined when not root. */
export function unprivilegedAccount(name: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return { uid: idOf('-u', name), gid: idOf('-g', name) };
}

function idOf(which: '-u' | '-g', name: string): number {
  return Number(execFileSync('id', [which, name], { encoding: 'utf8' }));
}
