import { type MeterProvider, metrics } from '@opentelemetry/api';

import { setOwnMeterProvider } from '../application/own-meter.js';
import type { Settings } from '../config/settings.js';
import type { Instrumentation } from '../instrumentation/instrumentation.js';
import { AggregatingMeter } from '../instrumentation/meter/aggregating-meter.js';
import { EarlyMeterProvider } from '../instrumentation/meter/early-meter-provider.js';
import { instrumentTraffic } from '../instrumentation/traffic.js';
import { createLog } from '../log.js';
import { LossCounter } from '../reader/losses.js';
import { version } from '../version.js';
import type { MainFile } from './identity/main-file.js';
import { ApiPlaces } from './opentelemetry/api-places.js';
import { trafficOptions } from './traffic-options.js';

export interface EarlyListeners {
  /** The application recorded something of its own. */
  readonly onRecorded: () => void;
  /** A request or a command to a database was measured. */
  readonly onMeasured: () => void;
}

/** What measures before it is known whether this process is an application. No SDK is loaded for it, and nothing is opened. */
export interface Early {
  readonly instruments: AggregatingMeter;
  /** What could not be kept so far. */
  readonly losses: LossCounter;
  readonly traffic: Instrumentation;
  /** Leaves the places of the API. */
  release(): void;
  /** Goes on with a MeterProvider of the SDK. */
  handOver(provider: MeterProvider): void;
}

/** Measures traffic, and gives the application instruments. Call it before the application loads its packages. */
export function measureEarly(settings: Settings, main: MainFile, listeners: EarlyListeners): Early {
  const { onRecorded, onMeasured } = listeners;
  const ofApplication = new EarlyMeterProvider(onRecorded);
  const own = new EarlyMeterProvider(onMeasured);
  setOwnMeterProvider(ofApplication);
  // An application that brings a MeterProvider of its own gets the place, and our start finds it there.
  const places = new ApiPlaces(() => undefined);
  places.keep(() => metrics.setGlobalMeterProvider(ofApplication));
  const losses = new LossCounter(createLog(settings.logLevel).warn);
  const instruments = new AggregatingMeter({
    name: '@org/orchestrator',
    version,
    maxSeries: settings.maxSeries,
    maxLabelLength: settings.maxLabelLength,
    losses,
    onFirstSeries: onMeasured,
  });
  return {
    instruments,
    losses,
    traffic: instrumentTraffic(own, { ...trafficOptions(settings, main), instruments }),
    release() {
      setOwnMeterProvider(undefined);
      places.leave();
    },
    handOver(provider) {
      for (const early of [ofApplication, own]) early.delegate(provider);
    },
  };
}
