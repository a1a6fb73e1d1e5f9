import {
  type Attributes,
  type BatchObservableCallback,
  type Counter,
  type Histogram,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import { type Action, actionOf, NO_ACTION } from './http-action.js';
import {
  HTTP_METHODS,
  type HttpExchange,
  type HttpScheme,
  type HttpServerRecorder,
} from './http-exchange.js';

/** prometheus-net's buckets: 0.001 · 2^n seconds, n = 0…15. */
export const PROMETHEUS_NET_BOUNDARIES: readonly number[] = Array.from(
  { length: 16 },
  (_, n) => 0.001 * 2 ** n,
);

/** nginx's word for a client that left before it was answered; no status was sent then. */
const CLIENT_LEFT = 499;
const MAX_CACHED_SERIES = 5000;

/**
 * The names and labels of prometheus-net's ASP.NET Core middleware, so that one dashboard serves .NET, PHP and Node.
 * `http_errors_total` counts answers of 500 and above, and those that never reached the client.
 */
export class PrometheusNetRecorder implements HttpServerRecorder {
  private readonly meter: Meter;
  private readonly duration: Histogram;
  private readonly received: Counter;
  private readonly errors: Counter;
  private readonly inProgress: ObservableUpDownCounter;
  private readonly observe: BatchObservableCallback;
  private readonly active = new Map<number, number>();
  private readonly cache = new Map<Action, Map<string, Map<number, Attributes>>>();
  private cached = 0;

  constructor(meter: Meter) {
    this.meter = meter;
    this.duration = meter.createHistogram('http_request_duration_seconds', {
      description: 'The duration of HTTP requests processed by the application.',
      unit: 's',
      valueType: ValueType.DOUBLE,
      advice: { explicitBucketBoundaries: [...PROMETHEUS_NET_BOUNDARIES] },
    });
    this.received = meter.createCounter('http_requests_received_total', {
      description: 'The number of HTTP requests that have been processed by the application.',
      valueType: ValueType.INT,
    });
    this.errors = meter.createCounter('http_errors_total', {
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
    const attributes = this.attributesOf(exchange, code);
    this.duration.record(exchange.seconds, attributes);
    this.received.add(1, attributes);
    if (code >= 500 || exchange.failure !== undefined) this.errors.add(1, attributes);
  }

  stop(): void {
    this.meter.removeBatchObservableCallback(this.observe, [this.inProgress]);
  }

  private attributesOf({ request, route = '', method }: HttpExchange, code: number): Attributes {
    const action = request === undefined ? NO_ACTION : actionOf(request);
    if (this.cached >= MAX_CACHED_SERIES) {
      this.cache.clear();
      this.cached = 0;
    }
    const byRoute = getOrAdd(this.cache, action);
    const byCode = getOrAdd(byRoute, route);
    const key = method * 1000 + code;
    let attributes = byCode.get(key);
    if (attributes === undefined) {
      attributes = {
        code: String(code),
        method: HTTP_METHODS[method],
        controller: action.controller,
        action: action.action,
        endpoint: route,
      };
      byCode.set(key, attributes);
      this.cached++;
    }
    return attributes;
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
