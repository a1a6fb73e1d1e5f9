import { isMainThread } from 'node:worker_threads';

import type * as EnvironmentModule from './config/environment.js';
import type * as KnownSecretsModule from './config/known-secrets.js';
import type * as ReadSettingsModule from './config/read-settings.js';
import type * as LogModule from './log.js';
import type { LogLevel } from './log.js';
import { mainFile } from './start/identity/main-file.js';
import { isTool } from './start/identity/tools.js';
import type * as ThreadsModule from './start/lifecycle/threads.js';
import { pending, running } from './start/running.js';
import type * as StartLaterModule from './start/start-later.js';
import type * as StartModule from './start/start.js';
import type * as WarningsModule from './warnings.js';

/** Starts the orchestrator once, as soon as this process shows that it is an application. Never throws. */
export function preload(): void {
  let level: LogLevel = 'info';
  let hide = (line: string): string => line;
  try {
    if (isTool(process.argv[1], process.execArgv)) return;
    // Loaded here and not above, so that npm and its like do not pay for it.
    const { processEnvironment } = require('./config/environment.js') as typeof EnvironmentModule;
    const { readSettings } = require('./config/read-settings.js') as typeof ReadSettingsModule;
    const environment = processEnvironment();
    const settings = readSettings(environment, {}, () => undefined);
    level = settings.logLevel;
    hide = (line) => {
      const { hider, knownSecrets } = require('./config/known-secrets.js') as typeof KnownSecretsModule;
      return hider(knownSecrets(environment, settings))(line);
    };
    if (!settings.enabled || settings.sdkDisabled || (!isMainThread && !settings.workerThreads)) return;
    if (isMainThread && settings.workerThreads) {
      const { measuredThreads } = require('./start/lifecycle/threads.js') as typeof ThreadsModule;
      measuredThreads();
    }
    const main = mainFile(environment);
    if (main.kind === 'tool' || running() !== undefined || pending() !== undefined) return;
    const { canStartLater, startLater } = require('./start/start-later.js') as typeof StartLaterModule;
    if (isMainThread && canStartLater(settings)) {
      startLater(settings, main, (error) => warn(error, level, hide));
      return;
    }
    const { start } = require('./start/start.js') as typeof StartModule;
    start();
  } catch (error) {
    warn(error, level, hide);
  }
}

function warn(error: unknown, level: LogLevel, hide: (line: string) => string): void {
  try {
    const { warning } = require('./warnings.js') as typeof WarningsModule;
    const { createLog } = require('./log.js') as typeof LogModule;
    createLog(level, hide).warn(...warning('ORCHESTRATOR_NOT_STARTED', { error }));
  } catch {
    // There is nowhere else to say it.
  }
}
