import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { NEEDS, packagesOf, provide, type Need } from './helpers/needs.js';
import { testFiles, type TestFile } from './helpers/test-files.js';
import { examplesWithTests, runExample } from './run-examples.js';

/**
 * `npm test`: makes sure that the servers and oracles which the chosen tests run are there, then runs them with node's test
 * runner, and after them the checks of each application under examples/. Arguments choose files by a part of their path,
 * `npm test -- test/store end-to-end/kill`, or an application, `npm test -- examples/gateway`; `--unit` chooses those that
 * need no server and run no whole application.
 */

/** A single test may wait for Redis and Prometheus for a minute or two, a whole file of them, or one that runs other Nodes, for longer. */
const FILE_TIMEOUT_MS = 10 * 60_000;

/** Files that take longest, about so many seconds: they begin first, so that the short ones fill the other processor until the end. */
const SECONDS: Readonly<Record<string, number>> = {
  'end-to-end/nodes.test': 180,
  'end-to-end/kill.test': 110,
  'end-to-end/outage.test': 100,
  'page/browser/page.test': 60,
  'page/browser/workers.test': 50,
  'store/local/local-store.test': 45,
  'end-to-end/rolling-restart.test': 60,
  'end-to-end/ends.test': 55,
  'server/access/access-control.test': 50,
  'faults/model-based.test': 50,
  'end-to-end/prometheus.test': 40,
  'cli/doctor/application-faults.test': 25,
  'stack/processes.test': 40,
  'cli/discovery.test': 40,
  'cli/every-command.test': 35,
  'cli/serve.test': 30,
  'server/endpoint/endpoint.test': 30,
  'cli/commands.test': 30,
  'end-to-end/host.test': 25,
  'instrumentation/frameworks/frameworks.test': 25,
  'end-to-end/secrets.test': 25,
  'store/local/processes.test': 20,
  'cli/migrate/migrate.test': 20,
  'cli/doctor/redis-faults.test': 20,
  'server/port/shared-port.test': 20,
  'cli/frame.test': 20,
  'end-to-end/exactness.test': 20,
  'harm/harm.test': 20,
  'docs/readme.test': 15,
  'register/behaviour.test': 15,
  'start/start.test': 15,
  'end-to-end/queues.test': 15,
};

/** So many files are named at the end, with the time of each. */
const SLOWEST = 30;

function main(): void {
  const parts = process.argv.slice(2);
  const unit = parts.includes('--unit');
  const paths = parts.filter((part) => part !== '--unit').map((part) => part.replace(/^(?:\.\/)?test\//, ''));
  const files = testFiles(__dirname)
    .filter(({ name }) => isChosen(`${name}.js`, paths))
    .filter((file) => !unit || isUnit(file))
    .toSorted((a, b) => (SECONDS[b.name] ?? 0) - (SECONDS[a.name] ?? 0));
  const examples = unit ? [] : examplesWithTests().filter((name) => isChosen(`examples/${name}`, paths));
  if (files.length + examples.length === 0)
    return fail(`No test file has ${paths.join(' or ')} in its path.`);
  const missing = provide(NEEDS.filter((need) => files.some((file) => needsOf(file).includes(need))));
  if (missing.length > 0) {
    const names = missing.map(({ what }) => what).join(', ');
    const packages = packagesOf(missing).join(' ');
    return fail(
      `The tests need ${names}, which are not installed.\n` +
        `On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages}`,
    );
  }
  void start(files, examples);
}

function isChosen(name: string, paths: readonly string[]): boolean {
  return paths.length === 0 || paths.some((path) => name.includes(path));
}

/** Tests that run applications, or what stands around them. */
const WHOLE =
  /^(?:end-to-end|register|stack|dashboards|harm|instrumentation\/(?:frameworks|spans))\/|^store\/local\/processes/;

function isUnit(file: TestFile): boolean {
  return !WHOLE.test(file.name) && needsOf(file).every((need) => need.server === undefined);
}

function needsOf({ loads }: TestFile): Need[] {
  return NEEDS.filter(({ usedBy }) => [...loads].some((name) => usedBy.test(name)));
}

async function start(files: readonly TestFile[], examples: readonly string[]): Promise<void> {
  const end = new AbortController();
  // Whoever ends this process means the tests, and the servers that they have started.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      process.exitCode = 1;
      end.abort();
    });
  }
  if (files.length > 0) await runFiles(files, end.signal);
  for (const name of examples) {
    if (end.signal.aborted) return;
    const failed = await runExample(name, end.signal);
    if (failed !== undefined) fail(`examples/${name}: ${failed} failed.`);
  }
}

async function runFiles(files: readonly TestFile[], signal: AbortSignal): Promise<void> {
  const tests = run({
    files: files.map(({ path }) => path),
    concurrency: Math.max(2, availableParallelism()),
    timeout: FILE_TIMEOUT_MS,
    signal,
  });
  tests.on('test:fail', () => (process.exitCode = 1));
  const seconds = new Map<string, number>();
  for (const event of ['test:pass', 'test:fail'] as const)
    tests.on(event, ({ nesting, file, details }) => {
      if (nesting === 0 && file !== undefined)
        seconds.set(file, (seconds.get(file) ?? 0) + details.duration_ms / 1000);
    });
  const report = tests.compose(new spec());
  report.pipe(process.stdout);
  await once(report, 'end');
  const slowest = [...seconds].toSorted(([, a], [, b]) => b - a).slice(0, SLOWEST);
  const lines = slowest.map(
    ([file, time]) => `${time.toFixed(0).padStart(6)} s  ${relative(__dirname, file)}`,
  );
  process.stdout.write(`The files that took longest:\n${lines.join('\n')}\n`);
}

function fail(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}

main();
