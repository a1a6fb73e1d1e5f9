import type { Instrumentation } from '@opentelemetry/instrumentation';
import type { ViewOptions } from '@opentelemetry/sdk-metrics';

import { processEnvironment, withOptionsInEnvironment } from '../config/environment.js';
import { hider, knownSecrets } from '../config/known-secrets.js';
import { readSettings } from '../config/read-settings.js';
import type { SettingOptions } from '../config/setting-options.js';
import { orchestratorError } from '../errors.js';
import { createLog, logDiagnostics } from '../log.js';
import { compose, exportsByOpenTelemetry } from './compose.js';
import type { Early } from './early.js';
import { type MainFile, mainFile } from './identity/main-file.js';
import type { Warn } from '../warnings.js';
import { awakened, pending, running, setRunning, type Orchestrator } from './running.js';

/**
 * Options of {@link start}: every setting of docs/configuration.md by name, and what only code can give. An option wins over
 * its environment variable.
 */
export interface StartOptions extends SettingOptions {
  /**
   * Further OpenTelemetry instrumentations to register, for traces or for metrics. No variable. Default: none. Any at all
   * loads OpenTelemetry's NodeSDK, which takes 0.1 s of the start.
   */
  readonly instrumentations?: readonly Instrumentation[];
  /**
   * Views of the OpenTelemetry SDK: other buckets, fewer attributes, exponential histograms. No variable. Default: none.
   * Durations of HTTP and of most databases bypass the SDK, and with it the views.
   */
  readonly views?: readonly ViewOptions[];
}

/**
 * Starts OpenTelemetry in this process: metrics to the store, the metrics server, HTTP, runtime and host metrics, and a
 * last flush at the end of the process. It is the preload in code: call it before the application loads its framework.
 * Nothing that it opens keeps the process alive. An application with an OpenTelemetry SDK of its own keeps it; this one then
 * measures beside it.
 *
 * @example
 * ```ts
 * const orchestrator = start({ prefix: 'shop', redisUrl: 'redis://127.0.0.1:6379' });
 * ```
 *
 * @returns what runs, or undefined when `ORCHESTRATOR_ENABLED=false` or `OTEL_SDK_DISABLED=true`
 * @throws ORCHESTRATOR_ALREADY_STARTED when it is called twice, the preload included
 * @throws ORCHESTRATOR_INVALID_SETTING for an option that is not allowed
 */
export function start(options: StartOptions = {}): Orchestrator | undefined {
  awakened();
  return launch(options);
}

/** The start of the preload, in a process that has shown that it is an application. */
export function startEarly(main: MainFile, early: Early): void {
  launch({}, main, early);
}

function launch(options: StartOptions, given?: MainFile, early?: Early): Orchestrator | undefined {
  const environment = processEnvironment();
  const complaints: Parameters<Warn>[] = [];
  const settings = readSettings(environment, options, (...complaint) => complaints.push(complaint));
  if (!settings.enabled || settings.sdkDisabled) return undefined;
  if (running() !== undefined) {
    throw orchestratorError('ORCHESTRATOR_ALREADY_STARTED', 'twice', {});
  }
  const log = createLog(settings.logLevel, hider(knownSecrets(environment, settings)));
  const isLevelSet = options.logLevel !== undefined || (environment['OTEL_LOG_LEVEL'] ?? '').trim() !== '';
  logDiagnostics(settings.logLevel, log, isLevelSet && exportsByOpenTelemetry(settings));
  for (const complaint of complaints) log.warn(...complaint);
  const { views = [], instrumentations = [] } = options;
  const orchestrator = withOptionsInEnvironment(options, () =>
    compose({
      settings,
      views,
      instrumentations,
      main: given ?? mainFile(environment),
      early,
      pm2Id: environment['pm_id'],
      log,
    }),
  );
  setRunning(orchestrator);
  return orchestrator;
}

/**
 * Ends what {@link start} or the preload began: sends what was recorded, ends this instance's lease, closes the metrics
 * server and the store. Nothing has to call it: a process that ends in any other way sends its last values as well. Resolves
 * at once when nothing runs; never rejects, since what goes wrong is a warning.
 *
 * @example
 * ```ts
 * await shutdown();
 * process.exit(0);
 * ```
 */
export async function shutdown(): Promise<void> {
  pending()?.cancel();
  await running()?.shutdown();
}
