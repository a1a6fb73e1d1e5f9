import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A program that the local stack or its tests run, and the package of Debian and Ubuntu that has it. */
interface Need {
  readonly what: string;
  readonly aptPackage: string;
  readonly isThere: () => boolean;
}

/** Debian keeps the programs of the server off the PATH, one folder for each version. */
const POSTGRES = '/usr/lib/postgresql';

const NEEDS: readonly Need[] = [
  { what: 'a PostgreSQL server', aptPackage: 'postgresql', isThere: () => postgresFolder() !== undefined },
  ...[
    ['redis-server', 'redis-server'],
    ['redis-cli', 'redis-tools'],
    ['nginx', 'nginx-light'],
    ['prometheus', 'prometheus'],
    ['promtool', 'prometheus'],
    ['openssl', 'openssl'],
  ].map(([what = '', aptPackage = '']) => ({ what, aptPackage, isThere: () => onPath(what) })),
];

/**
 * Makes sure that all programs are there: installs them as root where apt-get is.
 *
 * @throws Error that says what to install
 */
export function providePrograms(): void {
  const missing = (): Need[] => NEEDS.filter(({ isThere }) => !isThere());
  if (missing().length > 0 && process.getuid?.() === 0 && onPath('apt-get')) install(packagesOf(missing()));
  const left = missing();
  if (left.length === 0) return;
  throw new Error(
    `${left.map(({ what }) => what).join(', ')}: not installed.\n` +
      `On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packagesOf(left).join(' ')}`,
  );
}

/** The folder of `initdb` and `postgres`; undefined if no server is installed. */
export function postgresFolder(): string | undefined {
  if (!existsSync(POSTGRES)) return undefined;
  const [newest] = readdirSync(POSTGRES).toSorted((a, b) => Number(b) - Number(a));
  return newest === undefined ? undefined : join(POSTGRES, newest, 'bin');
}

/** PostgreSQL refuses to run as root: then its own account. */
export function postgresAccount(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function packagesOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.map(({ aptPackage }) => aptPackage))];
}

function install(packages: readonly string[]): void {
  process.stderr.write(`Installing ${packages.join(', ')}.\n`);
  // Debian starts a service when it is installed, but not in runlevel 1: this stack starts its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    stdio: 'inherit',
    env,
  });
}

function onPath(name: string): boolean {
  // nginx is in a folder that only root has on its PATH.
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].some(
    (dir) => dir !== '' && existsSync(join(dir, name)),
  );
}
