import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, join, relative } from 'node:path';

import { hasMariadb } from './helpers/mariadb.js';
import { postgresPrograms } from './helpers/postgres.js';

/**
 * `npm test`: makes sure that the servers and oracles which the tests run are there, then hands over to node's test runner.
 * Arguments choose files by a part of their path: `npm test -- store/ end-to-end/kill`.
 */

interface Need {
  readonly what: string;
  /** Of Debian and Ubuntu. */
  readonly aptPackage: string;
  readonly isThere: () => boolean;
}

const NEEDS: readonly Need[] = [
  { what: 'redis-server', aptPackage: 'redis-server', isThere: () => onPath('redis-server') },
  { what: 'redis-sentinel', aptPackage: 'redis-sentinel', isThere: () => onPath('redis-sentinel') },
  { what: 'redis-cli', aptPackage: 'redis-tools', isThere: () => onPath('redis-cli') },
  { what: 'prometheus', aptPackage: 'prometheus', isThere: () => onPath('prometheus') },
  { what: 'promtool', aptPackage: 'prometheus', isThere: () => onPath('promtool') },
  {
    what: 'prometheus-alertmanager',
    aptPackage: 'prometheus-alertmanager',
    isThere: () => onPath('prometheus-alertmanager'),
  },
  { what: 'a PostgreSQL server', aptPackage: 'postgresql', isThere: () => postgresPrograms() !== undefined },
  { what: 'a MariaDB server', aptPackage: 'mariadb-server', isThere: hasMariadb },
  { what: 'nginx', aptPackage: 'nginx-light', isThere: () => onPath('nginx') },
  { what: 'docker-compose', aptPackage: 'docker-compose', isThere: () => onPath('docker-compose') },
  { what: 'shellcheck', aptPackage: 'shellcheck', isThere: () => onPath('shellcheck') },
  { what: 'make', aptPackage: 'make', isThere: () => onPath('make') },
  { what: 'curl', aptPackage: 'curl', isThere: () => onPath('curl') },
  { what: 'openssl', aptPackage: 'openssl', isThere: () => onPath('openssl') },
  {
    what: "Python's prometheus_client for /usr/bin/python3",
    aptPackage: 'python3-prometheus-client',
    isThere: () => succeeds('/usr/bin/python3', ['-c', 'import prometheus_client']),
  },
];

/** A single test may wait for Redis and Prometheus for a minute or two, a whole file of them, or one that runs other Nodes, for longer. */
const FILE_TIMEOUT_MS = 10 * 60_000;

async function main(): Promise<number> {
  installMissing();
  const missing = NEEDS.filter((need) => !need.isThere());
  if (missing.length > 0) {
    const packages = packagesOf(missing).join(' ');
    process.stderr.write(
      `The tests need ${missing.map(({ what }) => what).join(', ')}, which are not installed.\n` +
        `On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages}\n`,
    );
    return 1;
  }
  const files = testFiles(__dirname).filter(chosen);
  if (files.length === 0) {
    process.stderr.write(`No test file has ${process.argv.slice(2).join(' or ')} in its path.\n`);
    return 1;
  }
  const options = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, availableParallelism())}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
  ];
  const runner = spawn(process.execPath, [...options, ...files], { stdio: 'inherit' });
  // Who ends this process means the tests, and the servers that they have started.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => runner.kill(signal));
  await once(runner, 'close');
  return runner.exitCode ?? 1;
}

function installMissing(): void {
  const missing = NEEDS.filter((need) => !need.isThere());
  if (missing.length === 0 || process.getuid?.() !== 0 || !onPath('apt-get')) return;
  const packages = packagesOf(missing);
  process.stderr.write(`Installing ${packages.join(', ')} for the tests.\n`);
  // Debian starts a service when it is installed, but not in runlevel 1: the tests start servers of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    stdio: 'inherit',
    env,
  });
}

function packagesOf(needs: readonly Need[]): string[] {
  return [...new Set(needs.map(({ aptPackage }) => aptPackage))];
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((dir) => dir !== '' && existsSync(join(dir, program)));
}

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** The long ones first, so that the short ones fill the other core until the end. */
function testFiles(root: string): string[] {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.test.js'),
  );
  return files.sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1)).map((file) => join(root, file));
}

function weight(file: string): number {
  return file.startsWith('end-to-end') ? 0 : file.startsWith('register') ? 1 : 2;
}

function chosen(file: string): boolean {
  const parts = process.argv.slice(2);
  return parts.length === 0 || parts.some((part) => relative(__dirname, file).includes(part));
}

void main().then((code) => (process.exitCode = code));
