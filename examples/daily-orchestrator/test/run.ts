import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { NEEDS, provide } from '../dev/needs.js';
import { Postgres } from '../dev/postgres.js';
import { RabbitMq } from '../dev/rabbitmq.js';

/**
 * `npm test [-- part of a file's name …]`: the tests, on a PostgreSQL and a RabbitMQ that are started for them, or that
 * TEST_DATABASE_URL, TEST_RABBITMQ_URL and TEST_RABBITMQ_MANAGEMENT_URL name. `--full`: the full size, with servers that it
 * restarts.
 */

const FULL = 'full.test.js';
/** They run while the servers start. */
const WITHOUT_SERVERS = /^(?:unit|files)\./;
const FILE_TIMEOUT_MS = 10 * 60_000;
const FULL_TIMEOUT_MS = 60 * 60_000;

async function main(): Promise<number> {
  const parts = process.argv.slice(2);
  const full = parts.includes('--full');
  const wanted = parts.filter((part) => part !== '--full');
  const files = readdirSync(__dirname)
    .filter((name) => name.endsWith('.test.js') && (name === FULL) === full)
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  if (files.length === 0) {
    process.stderr.write(`No test file has ${wanted.join(' or ')} in its name.\n`);
    return 1;
  }
  provide(NEEDS.tests);
  if (full) return (await runFiles(files, FULL_TIMEOUT_MS)) ? 0 : 1;
  const first = files.filter((name) => WITHOUT_SERVERS.test(name));
  const rest = files.filter((name) => !WITHOUT_SERVERS.test(name));
  const servers = rest.length > 0 ? startServers() : undefined;
  servers?.catch(() => undefined);
  const firstPassed = first.length === 0 || (await runFiles(first, FILE_TIMEOUT_MS));
  if (servers === undefined) return firstPassed ? 0 : 1;
  const end = await servers;
  try {
    return (await runFiles(rest, FILE_TIMEOUT_MS)) && firstPassed ? 0 : 1;
  } finally {
    await end();
  }
}

/** Sets the variables that name them. Answers what ends them. */
async function startServers(): Promise<() => Promise<void>> {
  if (process.env['TEST_DATABASE_URL'] !== undefined) return () => Promise.resolve();
  const dir = mkdtempSync(join(tmpdir(), 'daily-servers-'));
  chmodSync(dir, 0o755);
  const [postgres, broker] = await Promise.all([Postgres.start(dir), RabbitMq.start(dir)]);
  process.env['TEST_DATABASE_URL'] = postgres.url();
  process.env['TEST_RABBITMQ_URL'] = broker.url();
  process.env['TEST_RABBITMQ_MANAGEMENT_URL'] = broker.managementUrl;
  return async () => {
    await Promise.all([postgres.stop('SIGQUIT'), broker.end()]);
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  };
}

function runFiles(names: readonly string[], timeout: number): Promise<boolean> {
  return new Promise((resolve) => {
    let passed = true;
    const tests = run({
      files: names.map((name) => join(__dirname, name)),
      concurrency: 2,
      timeout,
    });
    tests.on('test:fail', () => (passed = false));
    tests.on('end', () => resolve(passed));
    tests.compose(new spec()).pipe(process.stdout, { end: false });
  });
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
