import { type Attributes, ValueType } from '@opentelemetry/api';

import { labelled } from '../../../model/labelled-options.js';
import { HTTP_DURATION_BOUNDARIES } from '../../meter/boundaries.js';
import type { BindableHistogram, BoundHistogram, BoundMeter } from '../../meter/bound-meter.js';
import type { HttpExchange, HttpServerRecorder } from './exchange.js';

/** By number. */
const STATUSES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
/** The semantic conventions' errors of a server; the others are the client's. */
const SERVER_ERRORS: ReadonlySet<string> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);
const OTHER = '_OTHER';
/** `setRoute` takes any text. */
const MAX_CACHED_METHODS = 2000;

/**
 * `rpc.server.call.duration` of gRPC, as the semantic conventions (stable) define it. A method is a route that is known: one
 * that no call has succeeded with is `_OTHER`.
 */
export class GrpcRecorder implements HttpServerRecorder {
  readonly #duration: BindableHistogram;
  /** By method, then by status. */
  readonly #series = new Map<string, Map<string, BoundHistogram>>();

  constructor(instruments: BoundMeter) {
    this.#duration = instruments.createHistogram(
      'rpc.server.call.duration',
      labelled({
        description: 'Measures the duration of an incoming Remote Procedure Call (RPC).',
        unit: 's',
        valueType: ValueType.DOUBLE,
        advice: { explicitBucketBoundaries: [...HTTP_DURATION_BOUNDARIES] },
        labels: ['rpc.system.name', 'rpc.method', 'rpc.status_code', 'error.type'],
      }),
    );
  }

  started(): void {
    // A call is known by its end.
  }

  finished({ grpcStatus, seconds, route }: HttpExchange): void {
    if (grpcStatus === undefined || seconds === undefined) return;
    const method = route?.startsWith('/') === true ? route.slice(1) : OTHER;
    const status = STATUSES[grpcStatus] ?? OTHER;
    let byStatus = this.#series.get(method);
    if (byStatus === undefined) {
      if (this.#series.size >= MAX_CACHED_METHODS) this.#series.clear();
      byStatus = new Map();
      this.#series.set(method, byStatus);
    }
    let series = byStatus.get(status);
    if (series === undefined) {
      const attributes: Attributes = {
        'rpc.system.name': 'grpc',
        'rpc.method': method,
        'rpc.status_code': status,
        ...(SERVER_ERRORS.has(status) && { 'error.type': status }),
      };
      series = this.#duration.bind(attributes);
      byStatus.set(status, series);
    }
    series.record(seconds);
  }

  stop(): void {
    // It has no callbacks.
  }
}
