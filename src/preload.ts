import { basename } from 'node:path';
import { isMainThread } from 'node:worker_threads';

import type * as EnvironmentModule from './config/environment.js';
import type * as ReadSettingsModule from './config/read-settings.js';
import type * as LogModule from './log.js';
import { running } from './start/running.js';
import type * as StartModule from './start/start.js';
import type * as WarningsModule from './warnings.js';

/** Programs that run before, beside or instead of an application, and inherit NODE_OPTIONS from it. */
const TOOLS = /^(?:npm|npx|yarn|yarnpkg|pnpm|pnpx|corepack)(?:-cli)?(?:\.c?js)?$/;

/** PM2's daemon and command line; its ProcessContainer is where an application runs. */
const PM2_TOOL =
  /[\\/]pm2[\\/](?:bin[\\/]pm2(?:-\w+)?|lib[\\/]Daemon(?:\.js)?|lib[\\/]binaries[\\/]\w+(?:\.js)?)$/;

/** Starts the orchestrator in an application, once. Never throws. */
export function preload(): void {
  try {
    if (!isApplication(process.argv[1])) return;
    // Loaded here and not above, so that npm and its like do not pay for it.
    const { processEnvironment } = require('./config/environment.js') as typeof EnvironmentModule;
    const { readSettings } = require('./config/read-settings.js') as typeof ReadSettingsModule;
    const environment = processEnvironment();
    const { enabled, sdkDisabled, workerThreads } = readSettings(environment, {}, () => undefined);
    if (!enabled || sdkDisabled || (!isMainThread && !workerThreads)) return;
    if (running() !== undefined) return;
    const { start } = require('./start/start.js') as typeof StartModule;
    start();
  } catch (error) {
    warn(error);
  }
}

function isApplication(script: string | undefined): boolean {
  if (script === undefined) return true;
  return !TOOLS.test(basename(script)) && !PM2_TOOL.test(script);
}

function warn(error: unknown): void {
  try {
    const { warning } = require('./warnings.js') as typeof WarningsModule;
    const { warningLine } = require('./log.js') as typeof LogModule;
    process.stderr.write(warningLine(...warning('ORCHESTRATOR_NOT_STARTED', { error })));
  } catch {
    // There is nowhere else to say it.
  }
}
