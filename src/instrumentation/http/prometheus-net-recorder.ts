import {
  type BatchObservableCallback,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import type {
  BindableCounter,
  BindableHistogram,
  BoundCounter,
  BoundHistogram,
  BoundMeter,
} from '../meter/bound-meter.js';
import { type Action, actionOf, NO_ACTION } from './action.js';
import { HTTP_METHODS, type HttpExchange, type HttpScheme, type HttpServerRecorder } from './exchange.js';

/** prometheus-net's buckets: 0.001 · 2^n seconds, n = 0…15. */
export const PROMETHEUS_NET_BOUNDARIES: readonly number[] = Array.from(
  { length: 16 },
  (_, n) => 0.001 * 2 ** n,
);

/** The bound instruments of one label set. */
interface BoundSeries {
  readonly duration: BoundHistogram;
  readonly received: BoundCounter;
  readonly errors: BoundCounter | undefined;
}

/** nginx's word for a client that left before it was answered; no status was sent then. */
const CLIENT_LEFT = 499;
const MAX_CACHED_SERIES = 5000;

/**
 * The names and labels of prometheus-net's ASP.NET Core middleware, so that one dashboard serves .NET, PHP and Node.
 * `http_errors_total` counts answers of 500 and above, and those that never reached the client.
 */
export class PrometheusNetRecorder implements HttpServerRecorder {
  private readonly meter: Meter;
  private readonly duration: BindableHistogram;
  private readonly received: BindableCounter;
  private readonly errors: BindableCounter;
  private readonly inProgress: ObservableUpDownCounter;
  private readonly observe: BatchObservableCallback;
  private readonly active = new Map<number, number>();
  private readonly cache = new Map<Action, Map<string, Map<number, BoundSeries>>>();
  private cached = 0;

  constructor(meter: Meter, instruments: BoundMeter) {
    this.meter = meter;
    this.duration = instruments.createHistogram('http_request_duration_seconds', {
      description: 'The duration of HTTP requests processed by the application.',
      unit: 's',
      valueType: ValueType.DOUBLE,
      advice: { explicitBucketBoundaries: [...PROMETHEUS_NET_BOUNDARIES] },
    });
    this.received = instruments.createCounter('http_requests_received_total', {
      description: 'The number of HTTP requests that have been processed by the application.',
      valueType: ValueType.INT,
    });
    this.errors = instruments.createCounter('http_errors_total', {
      description: 'The number of HTTP requests that failed: status 500 and above, or never answered.',
      valueType: ValueType.INT,
    });
    this.inProgress = meter.createObservableUpDownCounter('http_requests_in_progress', {
      description: 'The number of requests currently in progress in the application.',
      valueType: ValueType.INT,
    });
    this.observe = (result) => {
      for (const [method, count] of this.active) {
        result.observe(this.inProgress, count, { method: HTTP_METHODS[method] });
      }
    };
    meter.addBatchObservableCallback(this.observe, [this.inProgress]);
  }

  started(method: number, _scheme: HttpScheme): void {
    this.active.set(method, (this.active.get(method) ?? 0) + 1);
  }

  finished(exchange: HttpExchange): void {
    this.active.set(exchange.method, (this.active.get(exchange.method) ?? 1) - 1);
    const code = exchange.statusCode === 0 ? CLIENT_LEFT : exchange.statusCode;
    const series = this.seriesOf(exchange, code);
    series.duration.record(exchange.seconds);
    series.received.add(1);
    series.errors?.add(1);
  }

  stop(): void {
    this.meter.removeBatchObservableCallback(this.observe, [this.inProgress]);
  }

  private seriesOf({ request, route = '', method, failure }: HttpExchange, code: number): BoundSeries {
    const action = request === undefined ? NO_ACTION : actionOf(request);
    if (this.cached >= MAX_CACHED_SERIES) {
      this.cache.clear();
      this.cached = 0;
    }
    const failed = code >= 500 || failure !== undefined;
    const byCode = getOrAdd(getOrAdd(this.cache, action), route);
    const key = (method * 1000 + code) * 2 + (failed ? 1 : 0);
    let series = byCode.get(key);
    if (series === undefined) {
      const attributes = {
        code: String(code),
        method: HTTP_METHODS[method],
        controller: action.controller,
        action: action.action,
        endpoint: route,
      };
      series = {
        duration: this.duration.bind(attributes),
        received: this.received.bind(attributes),
        errors: failed ? this.errors.bind(attributes) : undefined,
      };
      byCode.set(key, series);
      this.cached++;
    }
    return series;
  }
}

function getOrAdd<Outer, Key, Value>(map: Map<Outer, Map<Key, Value>>, key: Outer): Map<Key, Value> {
  let inner = map.get(key);
  if (inner === undefined) {
    inner = new Map();
    map.set(key, inner);
  }
  return inner;
}
