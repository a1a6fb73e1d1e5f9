import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

import { PRELOAD, startApp, type AppOptions, type AppProcess, type Ending } from '../helpers/app-process.js';
import { freePort } from '../helpers/ports.js';

/** One application, run with and without us. */
export interface Case {
  readonly name: string;
  readonly fixture: string;
  readonly env?: AppOptions['env'];
  /** How the preload is given. Default `--require`. */
  readonly nodeArgs?: readonly string[];
  /** What happens to the application while it runs; default: nothing, it ends by itself. */
  readonly during?: (app: AppProcess, withUs: boolean) => Promise<void>;
  /** What our own lines on stderr must be, in any order; default: one start line and no warning. */
  readonly says?: readonly RegExp[];
}

export const START_LINE: RegExp = /^\[orchestrator\] \d+\.\d+\.\d+ /;

/** Exit code, signal and all output but our own lines are the same as if we were not there. */
export async function assertSameBehaviour(t: TestContext, example: Case): Promise<void> {
  const { nodeArgs = ['--require', PRELOAD], says = [START_LINE] } = example;
  const settings = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()), ORCHESTRATOR_STORE: 'memory' };
  const env = { ...settings, ...example.env };
  // NODE_OPTIONS is a way to give the preload; without us it is not there.
  const bare = await observe(t, example, { nodeArgs: [], env: { ...env, NODE_OPTIONS: undefined } }, false);
  const ours = await observe(t, example, { nodeArgs, env }, true);
  const { own, rest } = split(ours.stderr);
  assert.deepEqual(comparable({ ...ours, stderr: rest }), comparable(bare));
  assert.equal(own.length, says.length, own.join('\n'));
  for (const pattern of says)
    assert.ok(
      own.some((line) => pattern.test(line)),
      `${String(pattern)} in:\n${own.join('\n')}`,
    );
}

async function observe(
  t: TestContext,
  { fixture, during }: Case,
  options: AppOptions,
  withUs: boolean,
): Promise<Ending> {
  const app = startApp(t, fixture, options);
  await during?.(app, withUs);
  return app.ending;
}

function split(stderr: string): { own: string[]; rest: string } {
  const lines = stderr.split('\n');
  const own = lines.filter((line) => line.startsWith('[orchestrator]'));
  return { own, rest: lines.filter((line) => !line.startsWith('[orchestrator]')).join('\n') };
}

/**
 * Process ids and ports differ from run to run. The stack of an error that leaves `require` has a frame of whoever
 * observes which modules are loaded, as with any instrumentation.
 */
function comparable(ending: Ending): Ending {
  return { ...ending, stdout: steady(ending.stdout), stderr: steady(ending.stderr) };
}

function steady(text: string): string {
  return text
    .replaceAll(/^(listening|worker|exit|child) \d{2,}/gm, '$1 N')
    .replaceAll(/^ {4}at .*[\\/]dist[\\/]src[\\/].*\n/gm, '');
}
