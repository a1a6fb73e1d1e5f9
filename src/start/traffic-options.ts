import type { Settings } from '../config/settings.js';
import type { TrafficOptions } from '../instrumentation/traffic.js';
import { isBundle } from './identity/bundle.js';
import type { MainFile } from './identity/main-file.js';

/** The settings that concern requests and commands to databases. */
export function trafficOptions(settings: Settings, main: MainFile): TrafficOptions {
  return {
    names: settings.httpMetricNames,
    boundaries: settings.httpBuckets,
    bodySizes: settings.httpBodySizes,
    waitingPaths: settings.httpWaitingPaths,
    knownMethods: settings.httpKnownMethods,
    ignorePaths: [
      ...settings.ignorePaths,
      ...(settings.appMetricsPath === undefined ? [] : [settings.appMetricsPath]),
    ],
    main: main.from,
    // A framework may be hidden in a bundle; then a path is no route, but holds what was asked for.
    maxNormalizedRoutes: isBundle(main) ? 0 : undefined,
    enabled: settings.enabledInstrumentations,
    disabled: settings.disabledInstrumentations,
  };
}
