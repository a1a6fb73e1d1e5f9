import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { providePrograms } from '../local/programs.js';
import { startServers, VARIABLE, type SharedServers } from './support/servers.js';

/**
 * `npm test`: starts the servers that the tests share, then runs the test files. Arguments choose files by a part of their name.
 * `--full` adds what takes minutes.
 */
const FILE_TIMEOUT_MS = 10 * 60_000;
const FULL_ONLY = /\.full\.test\.js$/;
/** They begin first, so that the short ones fill the other processor until the end. */
const LONG = ['settings.test.js', 'drill.test.js', 'stack.test.js'];

async function main(): Promise<void> {
  const parts = process.argv.slice(2).filter((argument) => argument !== '--full');
  const full = process.argv.includes('--full');
  const files = readdirSync(__dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js') && (full || !FULL_ONLY.test(file)))
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)))
    .toSorted((a, b) => Number(isLong(b)) - Number(isLong(a)));
  if (files.length === 0) throw new Error(`no test file has ${parts.join(' or ')} in its name`);
  providePrograms();
  const servers = await startServers();
  const shared: SharedServers = { postgresPorts: servers.postgresPorts, redisPorts: servers.redisPorts };
  process.env[VARIABLE] = JSON.stringify(shared);
  const end = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, () => end.abort());
  const tests = run({
    files: files.map((file) => join(__dirname, file)),
    concurrency: 2,
    timeout: FILE_TIMEOUT_MS,
    signal: end.signal,
  });
  tests.on('test:fail', () => (process.exitCode = 1));
  tests.compose(new spec()).pipe(process.stdout);
  tests.once('close', () => void servers.stop());
}

function isLong(file: string): boolean {
  return LONG.some((name) => file.endsWith(name));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
