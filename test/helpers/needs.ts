import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

import { hasMariadb } from './mariadb.js';
import { postgresPrograms } from './postgres.js';

/** A program that some tests run: a server, or an oracle that they compare with. */
export interface Need {
  readonly what: string;
  /** Of Debian and Ubuntu. */
  readonly aptPackage: string;
  readonly isThere: () => boolean;
  /** The files below `test` that run it; whatever imports one of them needs it too. */
  readonly usedBy: RegExp;
  /** It serves; the others are run once and end. */
  readonly server?: true;
}

function program(name: string, aptPackage: string, usedBy: RegExp): Need {
  return { what: name, aptPackage, usedBy, isThere: () => onPath(name) };
}

function server(name: string, aptPackage: string, usedBy: RegExp): Need {
  return { ...program(name, aptPackage, usedBy), server: true };
}

export const NEEDS: readonly Need[] = [
  server('redis-server', 'redis-server', /^helpers\/redis$/),
  server('redis-sentinel', 'redis-sentinel', /^helpers\/redis$/),
  program('redis-cli', 'redis-tools', /^helpers\/redis$/),
  server('prometheus', 'prometheus', /^helpers\/prometheus$/),
  program(
    'promtool',
    'prometheus',
    /^(?:helpers\/prometheus|cli\/(?:deployments|migrate\/migrate|init\/init)\.test|dashboards\/(?:rules|deployments)\.test)$/,
  ),
  server('prometheus-alertmanager', 'prometheus-alertmanager', /^stack\/alertmanager$/),
  {
    what: 'a PostgreSQL server',
    aptPackage: 'postgresql',
    usedBy: /^helpers\/postgres$/,
    server: true,
    isThere: () => postgresPrograms() !== undefined,
  },
  {
    what: 'a MariaDB server',
    aptPackage: 'mariadb-server',
    usedBy: /^helpers\/mariadb$/,
    server: true,
    isThere: hasMariadb,
  },
  server('nginx', 'nginx-light', /^stack\/nginx$/),
  program('docker-compose', 'docker-compose', /^stack\/files\.test$/),
  program('shellcheck', 'shellcheck', /^stack\/shellcheck\.test$/),
  program('make', 'make', /^stack\/makefile\.test$/),
  {
    ...server('chromium', 'chromium', /^helpers\/browser$/),
    isThere: () => existsSync(process.env['CHROMIUM'] ?? '/usr/bin/chromium'),
  },
  program('curl', 'curl', /^(?:docs\/readme\.test|prometheus\/scrapers)$/),
  program('zsh', 'zsh', /^cli\/completion\.test$/),
  program('fish', 'fish', /^cli\/completion\.test$/),
  {
    what: 'bash-completion',
    aptPackage: 'bash-completion',
    usedBy: /^cli\/completion\.test$/,
    isThere: () => existsSync('/usr/share/bash-completion/bash_completion'),
  },
  {
    what: 'systemd-analyze',
    aptPackage: 'systemd',
    usedBy: /^cli\/deployments\.test$/,
    isThere: () => onPath('systemd-analyze'),
  },
  program('openssl', 'openssl', /^helpers\/certificates$/),
  {
    what: "Python's prometheus_client for /usr/bin/python3",
    aptPackage: 'python3-prometheus-client',
    usedBy: /^(?:prometheus\/python|helpers\/prometheus)$/,
    isThere: () => succeeds('/usr/bin/python3', ['-c', 'import prometheus_client']),
  },
];

/** Installs what is missing, where that is possible; what is missing after that. */
export function provide(needs: readonly Need[]): readonly Need[] {
  const missing = (): Need[] => needs.filter((need) => !need.isThere());
  if (missing().length > 0 && process.getuid?.() === 0 && onPath('apt-get')) install(packagesOf(missing()));
  return missing();
}

export function packagesOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.map(({ aptPackage }) => aptPackage))];
}

function install(packages: readonly string[]): void {
  process.stderr.write(`Installing ${packages.join(', ')} for the tests.\n`);
  // Debian starts a service when it is installed, but not in runlevel 1: the tests start servers of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  const options = ['install', '-y', '-qq', '--no-install-recommends'];
  spawnSync('apt-get', [...options, ...packages], { stdio: 'inherit', env });
}

function onPath(name: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((dir) => dir !== '' && existsSync(join(dir, name)));
}

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
