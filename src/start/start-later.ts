import { processEnvironment } from '../config/environment.js';
import type * as KnownSecretsModule from '../config/known-secrets.js';
import type { Settings } from '../config/settings.js';
import { createLog } from '../log.js';
import { measureEarly } from './early.js';
import type * as IdentityModule from './identity/identity.js';
import { EarlyEnd } from './lifecycle/early-end.js';
import type { MainFile } from './identity/main-file.js';
import { running, setPending } from './running.js';
import { rememberApplicationPorts } from '../server/port/application-port.js';
import { watchForSigns } from './signs-of-life.js';
import type * as OpenStoreModule from './open-store.js';
import type * as StartLineModule from './start-line.js';
import type * as StartModule from './start.js';

/**
 * True if the start can wait: nothing that is asked for has to be there before the application loads its packages. Traces and
 * other exporters have.
 */
export function canStartLater(settings: Settings): boolean {
  const { metricsExporter, tracesExporter, logsExporter, otlpEndpoint } = settings;
  const asked = [...tracesExporter, ...logsExporter].some((name) => name !== 'none');
  return (
    !asked &&
    otlpEndpoint === undefined &&
    metricsExporter.every((name) => name.toLowerCase() === 'orchestrator')
  );
}

/**
 * Starts the orchestrator when the process shows that it is an application: it listens, records something, has lived for a
 * second, or fails. Until then requests are measured, and nothing else is done: a compiler that ends in order prints nothing,
 * takes no port, is no instance and loads no SDK.
 *
 * @param failed is told why it could not be started
 */
export function startLater(settings: Settings, main: MainFile, failed: (error: unknown) => void): void {
  const isOwn = main.kind === 'own';
  let waiting = true;
  const cancel = (): void => {
    waiting = false;
    setPending(undefined);
    stopWatching();
    end.remove();
  };
  const begin = (): void => {
    if (!waiting) return;
    cancel();
    try {
      early.release();
      const { startEarly } = require('./start.js') as typeof StartModule;
      startEarly(main, early);
    } catch (error) {
      early.traffic.stop();
      failed(error);
    }
  };
  const early = measureEarly(settings, main, {
    onRecorded: begin,
    onMeasured: () => {
      if (isOwn) begin();
    },
  });
  // Before the signs: the port of the listen() that begins is the application's, not ours.
  rememberApplicationPorts();
  const stopWatching = watchForSigns(main.kind, begin, () => loadInPieces(begin));
  const end = new EarlyEnd({
    onSignal(heard) {
      begin();
      if (heard)
        void running()
          ?.flush()
          .catch(() => undefined);
    },
    onFailure: () => notice(settings, main, failed),
  });
  if (isOwn) end.install();
  setPending({ begin, cancel });
}

/** What the start loads, in pieces of some milliseconds each. */
const PIECES: ReadonlyArray<() => unknown> = [
  () => require('@opentelemetry/semantic-conventions'),
  () => require('@opentelemetry/resources'),
  () => require('@opentelemetry/sdk-metrics'),
  () => require('@opentelemetry/instrumentation'),
  () => require('@opentelemetry/instrumentation-runtime-node'),
  () => require('../prometheus/exposition.js'),
  () => require('../server/metrics-server.js'),
  () => require('../reader/store-metric-reader.js'),
  () => require('./open-store.js'),
  () => require('./opentelemetry/sdk.js'),
  () => require('../instrumentation/instrument.js'),
  () => require('./identity/identity.js'),
  () => require('./metrics-pipeline.js'),
  () => require('./compose.js'),
];

/** One piece in each iteration of the event loop, so that what the application does meanwhile waits for one at most. */
function loadInPieces(loaded: () => void, at = 0): void {
  const piece = PIECES[at];
  if (piece === undefined) {
    loaded();
    return;
  }
  setImmediate(() => {
    try {
      piece();
    } catch {
      // The start itself says what is wrong.
    }
    loadInPieces(loaded, at + 1);
  });
}

/** Says which application has failed. There is no time for more: nothing was recorded, and the process ends with this. */
function notice(settings: Settings, main: MainFile, failed: (error: unknown) => void): void {
  try {
    const { identityOf } = require('./identity/identity.js') as typeof IdentityModule;
    const { startLine } = require('./start-line.js') as typeof StartLineModule;
    const { storeKindOf } = require('./open-store.js') as typeof OpenStoreModule;
    const { hider, knownSecrets } = require('../config/known-secrets.js') as typeof KnownSecretsModule;
    const log = createLog(settings.logLevel, hider(knownSecrets(processEnvironment(), settings)));
    const { serviceName, prefix } = identityOf(settings, main, log.warn);
    log.info(startLine(settings, { serviceName, prefix, store: storeKindOf(settings), url: undefined }));
  } catch (error) {
    failed(error);
  }
}
