import { isMainThread } from 'node:worker_threads';

import type * as EnvironmentModule from './config/environment.js';
import type * as ReadSettingsModule from './config/read-settings.js';
import type * as LogModule from './log.js';
import { running } from './start/running.js';
import { isTool } from './start/tools.js';
import { mainFile } from './start/main-file.js';
import type * as StartModule from './start/start.js';
import type * as WarningsModule from './warnings.js';

/** Starts the orchestrator in an application, once. Never throws. */
export function preload(): void {
  try {
    if (isTool(process.argv[1], process.execArgv)) return;
    // Loaded here and not above, so that npm and its like do not pay for it.
    const { processEnvironment } = require('./config/environment.js') as typeof EnvironmentModule;
    const { readSettings } = require('./config/read-settings.js') as typeof ReadSettingsModule;
    const environment = processEnvironment();
    const { enabled, sdkDisabled, workerThreads } = readSettings(environment, {}, () => undefined);
    if (!enabled || sdkDisabled || (!isMainThread && !workerThreads)) return;
    if (running() !== undefined || mainFile(environment).kind === 'tool') return;
    const { start } = require('./start/start.js') as typeof StartModule;
    start();
  } catch (error) {
    warn(error);
  }
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
