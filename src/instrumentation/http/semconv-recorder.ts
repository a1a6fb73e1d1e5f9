import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import type { BindableHistogram, BoundHistogram, BoundMeter } from '../meter/bound-meter.js';
import { HTTP_METHODS, type HttpExchange, type HttpScheme, type HttpServerRecorder } from './exchange.js';

/** The semantic conventions' buckets for `http.server.request.duration`, in seconds. */
export const HTTP_DURATION_BOUNDARIES: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];

/** Powers of four from 256 bytes to 64 MiB. */
export const BYTES_BOUNDARIES: readonly number[] = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power);

export interface SemconvRecorderOptions {
  readonly meter: Meter;
  readonly instruments: BoundMeter;
  /** Seconds; default {@link HTTP_DURATION_BOUNDARIES}. */
  readonly boundaries?: readonly number[] | undefined;
  /** `http.server.request.body.size` and `http.server.response.body.size`; default false. */
  readonly bodySizes?: boolean | undefined;
}

/** The bound instruments of one attribute set. */
interface BoundSeries {
  readonly duration: BoundHistogram;
  readonly requestSize: BoundHistogram | undefined;
  readonly responseSize: BoundHistogram | undefined;
}

/** `setRoute` takes any text, so that this cache must not be the place where a mistake piles up. */
const MAX_CACHED_ROUTES = 2000;
const NO_ROUTE = '';
const SCHEMES: readonly HttpScheme[] = ['http', 'https'];

/**
 * `http.server.request.duration` and `http.server.active_requests` as the semantic conventions 1.23 and later (stable)
 * define them.
 * Attributes are put together once per series.
 */
export class SemconvRecorder implements HttpServerRecorder {
  private readonly meter: Meter;
  private readonly duration: BindableHistogram;
  private readonly requestSize: BindableHistogram | undefined;
  private readonly responseSize: BindableHistogram | undefined;
  private readonly activeRequests: ObservableUpDownCounter;
  private readonly observe: BatchObservableCallback;
  private readonly active = new Map<number, { count: number; readonly attributes: Attributes }>();
  private readonly cache = new Map<string, Map<number, BoundSeries>>();

  constructor({ meter, instruments, boundaries, bodySizes }: SemconvRecorderOptions) {
    this.meter = meter;
    this.duration = instruments.createHistogram('http.server.request.duration', {
      description: 'Duration of HTTP server requests.',
      unit: 's',
      valueType: ValueType.DOUBLE,
      advice: { explicitBucketBoundaries: [...(boundaries ?? HTTP_DURATION_BOUNDARIES)] },
    });
    if (bodySizes === true) {
      const advice = { explicitBucketBoundaries: [...BYTES_BOUNDARIES] };
      this.requestSize = instruments.createHistogram('http.server.request.body.size', {
        description: 'Size of HTTP server request bodies.',
        unit: 'By',
        advice,
      });
      this.responseSize = instruments.createHistogram('http.server.response.body.size', {
        description: 'Size of HTTP server response bodies.',
        unit: 'By',
        advice,
      });
    }
    // Observed, not added: two additions per request would cost as much as the duration itself.
    this.activeRequests = meter.createObservableUpDownCounter('http.server.active_requests', {
      description: 'Number of active HTTP server requests.',
      unit: '{request}',
      valueType: ValueType.INT,
    });
    this.observe = (result) => {
      for (const { count, attributes } of this.active.values())
        result.observe(this.activeRequests, count, attributes);
    };
    meter.addBatchObservableCallback(this.observe, [this.activeRequests]);
  }

  started(method: number, scheme: HttpScheme): void {
    const key = method * 2 + SCHEMES.indexOf(scheme);
    const entry = this.active.get(key);
    if (entry !== undefined) {
      entry.count++;
      return;
    }
    this.active.set(key, {
      count: 1,
      attributes: { 'http.request.method': HTTP_METHODS[method], 'url.scheme': scheme },
    });
  }

  finished(exchange: HttpExchange): void {
    const entry = this.active.get(exchange.method * 2 + SCHEMES.indexOf(exchange.scheme));
    if (entry !== undefined) entry.count--;
    const series = this.seriesOf(exchange);
    series.duration.record(exchange.seconds);
    if (exchange.requestBytes !== undefined) series.requestSize?.record(exchange.requestBytes);
    if (exchange.responseBytes !== undefined) series.responseSize?.record(exchange.responseBytes);
  }

  stop(): void {
    this.meter.removeBatchObservableCallback(this.observe, [this.activeRequests]);
  }

  private seriesOf(exchange: HttpExchange): BoundSeries {
    const key = seriesCode(exchange);
    if (key === undefined) return this.bind(exchange);
    const route = exchange.route ?? NO_ROUTE;
    let byCode = this.cache.get(route);
    if (byCode === undefined) {
      if (this.cache.size >= MAX_CACHED_ROUTES) this.cache.clear();
      byCode = new Map();
      this.cache.set(route, byCode);
    }
    let series = byCode.get(key);
    if (series === undefined) {
      series = this.bind(exchange);
      byCode.set(key, series);
    }
    return series;
  }

  private bind(exchange: HttpExchange): BoundSeries {
    const attributes = makeAttributes(exchange);
    return {
      duration: this.duration.bind(attributes),
      requestSize: this.requestSize?.bind(attributes),
      responseSize: this.responseSize?.bind(attributes),
    };
  }
}

/** Everything but the route in one small integer; undefined for combinations too rare to be worth a place in it. */
function seriesCode(exchange: HttpExchange): number | undefined {
  const { statusCode, failure, protocolVersion } = exchange;
  const version =
    protocolVersion === '1.1' ? 0 : protocolVersion === '2' ? 1 : protocolVersion === '1.0' ? 2 : -1;
  const failed = failure === undefined ? 0 : failure === 'aborted' ? 1 : -1;
  if (version < 0 || failed < 0 || statusCode > 999) return undefined;
  const secure = exchange.scheme === 'https' ? 1 : 0;
  return (((exchange.method * 3 + version) * 2 + failed) * 2 + secure) * 1000 + statusCode;
}

function makeAttributes(exchange: HttpExchange): Attributes {
  const { statusCode, route, failure } = exchange;
  const errorType = failure ?? (statusCode >= 500 && statusCode < 600 ? String(statusCode) : undefined);
  return {
    'http.request.method': HTTP_METHODS[exchange.method],
    'url.scheme': exchange.scheme,
    'network.protocol.version': exchange.protocolVersion,
    ...(route !== undefined && { 'http.route': route }),
    ...(statusCode !== 0 && { 'http.response.status_code': statusCode }),
    ...(errorType !== undefined && { 'error.type': errorType }),
  };
}
