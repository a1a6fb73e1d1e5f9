import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { findProgram } from './program.js';

const POSTGRES = '/usr/lib/postgresql';

/** Newest first: Debian has a folder for each version. */
export function postgresFolders(): string[] {
  try {
    const versions = readdirSync(POSTGRES).toSorted((a, b) => Number(b) - Number(a));
    return versions.map((version) => join(POSTGRES, version, 'bin'));
  } catch {
    return [];
  }
}

/** The script itself: the one on Debian's PATH insists on the system's own broker. */
export const RABBITMQ_FOLDERS: readonly string[] = ['/usr/lib/rabbitmq/bin'];

export interface Need {
  readonly program: string;
  readonly aptPackage: string;
  readonly folders: () => readonly string[];
}

const SERVERS: readonly Need[] = [
  { program: 'postgres', aptPackage: 'postgresql', folders: postgresFolders },
  { program: 'rabbitmq-server', aptPackage: 'rabbitmq-server', folders: () => RABBITMQ_FOLDERS },
];
const ORACLES: readonly Need[] = [
  { program: 'prometheus', aptPackage: 'prometheus', folders: () => [] },
  { program: 'promtool', aptPackage: 'prometheus', folders: () => [] },
];

export const NEEDS = { demo: SERVERS, tests: [...SERVERS, ...ORACLES] } as const;

/** Installs what is missing, where that is possible. Throws, with the command to run, if something is missing after that. */
export function provide(needs: readonly Need[]): void {
  if (missing(needs).length > 0 && process.getuid?.() === 0 && findProgram('apt-get') !== undefined) {
    install(missing(needs).map(({ aptPackage }) => aptPackage));
  }
  const absent = missing(needs);
  if (absent.length === 0) return;
  throw new Error(
    `Not installed: ${absent.map(({ program }) => program).join(', ')}.\n` +
      `On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packagesOf(absent).join(' ')}`,
  );
}

function missing(needs: readonly Need[]): Need[] {
  return needs.filter(({ program, folders }) => findProgram(program, folders()) === undefined);
}

function packagesOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.map(({ aptPackage }) => aptPackage))];
}

function install(packages: readonly string[]): void {
  process.stderr.write(`Installing ${[...new Set(packages)].join(', ')}.\n`);
  // Debian starts a service when it is installed, but not in runlevel 1.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  const options = ['install', '-y', '-qq', '--no-install-recommends'];
  spawnSync('apt-get', [...options, ...new Set(packages)], { stdio: 'inherit', env });
}
