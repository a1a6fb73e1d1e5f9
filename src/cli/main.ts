import { processEnvironment } from '../config/environment.js';
import { keepAlive } from '../event-loop/keep-alive.js';
import { EXIT_CODES } from './exit-codes.js';
import { Terminal } from './output/terminal.js';
import { run } from './run.js';

/**
 * The program `orchestrator`: the second composition root of the package. It starts no SDK, and nothing imports it.
 * `scripts/bundle-cli.ts` makes one file of this folder and of the libraries that only it uses.
 */
async function main(): Promise<void> {
  const environment = processEnvironment();
  const terminal = new Terminal(
    { input: process.stdin, output: process.stdout, errors: process.stderr },
    { noColour: environment['NO_COLOR'], term: environment['TERM'] },
  );
  const interruption = new AbortController();
  let signalled: NodeJS.Signals | undefined;
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const).map((name) => {
    const listener = (): void => {
      // A second one is impatience.
      if (signalled !== undefined) die(name);
      signalled = name;
      interruption.abort();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  const die = (signal: NodeJS.Signals): void => {
    for (const [name, listener] of listeners) process.off(name, listener);
    process.kill(process.pid, signal);
  };

  const ending = await keepAlive(run(process.argv.slice(2), terminal, interruption.signal));
  if (ending === 'interrupted') die(signalled ?? 'SIGINT');
  // Node gives a terminal its settings back when it exits, and aborts where there is none any more.
  if (signalled === 'SIGHUP' || terminal.isHungUp) die('SIGHUP');
  process.exitCode = EXIT_CODES[ending].code;
}

void main();
