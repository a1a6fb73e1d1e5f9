import type { Meter } from '@opentelemetry/api';

import type { Instrumentation } from '../../instrumentation.js';
import { type BoundMeter, bindMeter } from '../../meter/bound-meter.js';
import { ClientSeries } from './client-series.js';
import { NodeHttpTracker } from './node-http.js';
import { UndiciTracker } from './undici.js';

export interface HttpClientOptions {
  readonly meter: Meter;
  /** Makes the histogram; default the `meter`. See `HttpServerOptions.instruments`. */
  readonly instruments?: BoundMeter | undefined;
  /** Seconds; default those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
  /** Methods that become label values; default `KNOWN_METHODS`. */
  readonly knownMethods?: readonly string[] | undefined;
}

/**
 * `http.client.request.duration` of everything that is sent through `node:http`, `node:https`, `fetch` and undici, by any
 * library. All of them publish their requests on diagnostics channels, so nothing is patched.
 */
export function instrumentHttpClient(options: HttpClientOptions): Instrumentation {
  const { meter, instruments = bindMeter(meter), boundaries, knownMethods } = options;
  const series = new ClientSeries({ instruments, boundaries, knownMethods });
  const trackers: Instrumentation[] = [new NodeHttpTracker(series), new UndiciTracker(series)];
  return {
    stop() {
      for (const each of trackers.splice(0)) each.stop();
    },
  };
}
