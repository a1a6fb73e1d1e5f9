import type { Meter } from '@opentelemetry/api';

import type { Instrumentation } from '../../instrumentation.js';
import { type BoundMeter, bindMeter } from '../../meter/bound-meter.js';
import { HttpMethods } from '../methods.js';
import { RouteNormalizer } from '../route-normalizer.js';
import { Http1Tracker } from './http1-tracker.js';
import { Http2Tracker } from './http2-tracker.js';
import type { HttpServerRecorder } from './exchange.js';
import type { HttpMetricNames } from '../metric-names.js';
import { SemconvRecorder } from './semconv-recorder.js';
import { GrpcRecorder } from './grpc-recorder.js';
import { PrometheusNetRecorder } from './prometheus-net-recorder.js';
import { createWaitingTest } from './waiting-request.js';

export interface HttpServerOptions {
  readonly meter: Meter;
  /**
   * Makes the instruments that are recorded to for every request; default the `meter`. With an `AggregatingMeter` a record
   * takes 0.02 µs instead of 1.7 (in a loop, Node 20), and its producer must then be given to every reader of the process.
   */
  readonly instruments?: BoundMeter | undefined;
  /** Paths, without query, that are not measured. Default: none. */
  readonly ignore?: ((path: string) => boolean) | undefined;
  /** Servers that are not measured: our own. Default: none. */
  readonly isOwnServer?: ((server: object) => boolean) | undefined;
  /** Buckets of `http.server.request.duration` in seconds. Default: those of the semantic conventions. */
  readonly boundaries?: readonly number[] | undefined;
  /** `http.server.request.body.size` and `http.server.response.body.size`. Default false. */
  readonly bodySizes?: boolean | undefined;
  /** Distinct normalized paths of servers without a framework; 0 gives them no route. Default 200. */
  readonly maxNormalizedRoutes?: number | undefined;
  /** Methods that become label values; default `KNOWN_METHODS`. */
  readonly knownMethods?: readonly string[] | undefined;
  /** Paths, without query, whose requests are left open on purpose. Default: none. */
  readonly isWaitingPath?: ((path: string) => boolean) | undefined;
  /** Default `['semconv']`. */
  readonly names?: readonly HttpMetricNames[] | undefined;
}

/**
 * Measures every request of every `http`, `https` and (where Node has channels for it: not in Node 20) `http2` server of the
 * process. Node's diagnostics channels tell of each request, so nothing is patched, and it does not matter whether the
 * application is CommonJS or ESM or was loaded before.
 */
export function instrumentHttpServer(options: HttpServerOptions): Instrumentation {
  const { ignore, isOwnServer, bodySizes = false, maxNormalizedRoutes = 200, isWaitingPath } = options;
  const methods = new HttpMethods(options.knownMethods);
  const settle = (): void => http1.sweep();
  const recorders = createRecorders(options, methods, settle);
  const normalizer =
    maxNormalizedRoutes > 0 ? new RouteNormalizer({ maxRoutes: maxNormalizedRoutes }) : undefined;
  const waits = createWaitingTest(isWaitingPath);
  const context = { ignore, isOwnServer, bodySizes, methods, recorders, normalizer, waits };
  const http1 = new Http1Tracker(context);
  const running: Instrumentation[] = [http1, new Http2Tracker(context), ...recorders];
  return {
    stop() {
      for (const each of running.splice(0)) each.stop();
    },
  };
}

function createRecorders(
  options: HttpServerOptions,
  methods: HttpMethods,
  settle: () => void,
): HttpServerRecorder[] {
  const { meter, instruments = bindMeter(meter), boundaries, bodySizes, names = ['semconv'] } = options;
  const common = { meter, instruments, methods, settle };
  const recorders: HttpServerRecorder[] = [];
  if (names.includes('semconv'))
    recorders.push(new SemconvRecorder({ ...common, boundaries, bodySizes }), new GrpcRecorder(instruments));
  if (names.includes('prometheus-net')) recorders.push(new PrometheusNetRecorder(common));
  return recorders;
}
