import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import { labelled } from '../../../model/labelled-options.js';
import { BYTES_BOUNDARIES, HTTP_DURATION_BOUNDARIES } from '../../meter/boundaries.js';
import type { BindableHistogram, BoundHistogram, BoundMeter } from '../../meter/bound-meter.js';
import { type Label, LabelList, LearnedLabel, listedLabel } from '../../meter/label-list.js';
import type { HttpScheme } from '../request-state.js';
import type { HttpExchange, HttpServerRecorder, RecorderOptions } from './exchange.js';

export interface SemconvRecorderOptions extends RecorderOptions {
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
const ROUTE = 'http.route';
const SCHEMES: readonly HttpScheme[] = ['http', 'https'];
/** A digit is the status itself. */
const STATUSES = Array.from({ length: 1000 }, (_, status) => (status === 0 ? undefined : status));

/**
 * `http.server.request.duration` and `http.server.active_requests` as the semantic conventions 1.23 and later (stable)
 * define them.
 */
export class SemconvRecorder implements HttpServerRecorder {
  readonly #meter: Meter;
  readonly #duration: BindableHistogram;
  readonly #requestSize: BindableHistogram | undefined;
  readonly #responseSize: BindableHistogram | undefined;
  readonly #activeRequests: ObservableUpDownCounter;
  readonly #observe: BatchObservableCallback;
  readonly #versions = new LearnedLabel('network.protocol.version', 5, '1.1');
  readonly #failures = new LearnedLabel('error.type', 16);
  readonly #labels: LabelList<readonly [Label, Label, Label, Label, Label]>;
  readonly #activeLabels: LabelList<readonly [Label, Label]>;
  /** By the code of its labels. */
  readonly #active = new Map<number, { count: number; readonly attributes: Attributes }>();
  /** By route, then by the code of the other labels. */
  readonly #series = new Map<string, Map<number, BoundSeries>>();

  constructor({ meter, instruments, methods, settle, boundaries, bodySizes }: SemconvRecorderOptions) {
    this.#meter = meter;
    const method = listedLabel('http.request.method', methods.names);
    const scheme = listedLabel('url.scheme', SCHEMES);
    const status = listedLabel('http.response.status_code', STATUSES);
    this.#labels = new LabelList(method, scheme, this.#versions, this.#failures, status);
    this.#activeLabels = new LabelList(method, scheme);
    const labels = [...this.#labels.names, ROUTE];
    this.#duration = instruments.createHistogram(
      'http.server.request.duration',
      labelled({
        description: 'Duration of HTTP server requests.',
        unit: 's',
        valueType: ValueType.DOUBLE,
        advice: { explicitBucketBoundaries: [...(boundaries ?? HTTP_DURATION_BOUNDARIES)] },
        labels,
      }),
    );
    if (bodySizes === true) {
      this.#requestSize = createSize(instruments, 'request', labels);
      this.#responseSize = createSize(instruments, 'response', labels);
    }
    // Observed, not added: two additions per request would cost as much as the duration itself.
    this.#activeRequests = meter.createObservableUpDownCounter(
      'http.server.active_requests',
      labelled({
        description: 'Number of active HTTP server requests.',
        unit: '{request}',
        valueType: ValueType.INT,
        labels: this.#activeLabels.names,
      }),
    );
    this.#observe = (result) => {
      settle();
      for (const { count, attributes } of this.#active.values())
        result.observe(this.#activeRequests, count, attributes);
    };
    meter.addBatchObservableCallback(this.#observe, [this.#activeRequests]);
  }

  started(method: number, scheme: HttpScheme): void {
    const code = this.#activeLabels.code(method, schemeDigit(scheme));
    const entry = this.#active.get(code);
    if (entry === undefined)
      this.#active.set(code, { count: 1, attributes: this.#activeLabels.attributes(code) });
    else entry.count++;
  }

  finished(exchange: HttpExchange): void {
    const entry = this.#active.get(this.#activeLabels.code(exchange.method, schemeDigit(exchange.scheme)));
    if (entry !== undefined) entry.count--;
    const series = this.#seriesOf(exchange);
    if (exchange.seconds !== undefined) series.duration.record(exchange.seconds);
    if (exchange.requestBytes !== undefined) series.requestSize?.record(exchange.requestBytes);
    if (exchange.responseBytes !== undefined) series.responseSize?.record(exchange.responseBytes);
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, [this.#activeRequests]);
  }

  #seriesOf(exchange: HttpExchange): BoundSeries {
    const code = this.#labels.code(
      exchange.method,
      schemeDigit(exchange.scheme),
      this.#versions.digitOf(exchange.protocolVersion),
      this.#failures.digitOf(exchange.failure),
      exchange.statusCode,
    );
    const route = exchange.route ?? NO_ROUTE;
    let byCode = this.#series.get(route);
    if (byCode === undefined) {
      if (this.#series.size >= MAX_CACHED_ROUTES) this.#series.clear();
      byCode = new Map();
      this.#series.set(route, byCode);
    }
    let series = byCode.get(code);
    if (series === undefined) {
      series = this.#bind(code, exchange.route);
      byCode.set(code, series);
    }
    return series;
  }

  #bind(code: number, route: string | undefined): BoundSeries {
    const attributes: Attributes = this.#labels.attributes(code);
    if (route !== undefined) attributes[ROUTE] = route;
    const status = attributes['http.response.status_code'];
    if (typeof status === 'number' && status >= 500 && status < 600)
      attributes['error.type'] ??= String(status);
    return {
      duration: this.#duration.bind(attributes),
      requestSize: this.#requestSize?.bind(attributes),
      responseSize: this.#responseSize?.bind(attributes),
    };
  }
}

function schemeDigit(scheme: HttpScheme): number {
  return scheme === 'https' ? 1 : 0;
}

function createSize(
  instruments: BoundMeter,
  side: 'request' | 'response',
  labels: readonly string[],
): BindableHistogram {
  return instruments.createHistogram(
    `http.server.${side}.body.size`,
    labelled({
      description: `Size of HTTP server ${side} bodies.`,
      unit: 'By',
      advice: { explicitBucketBoundaries: [...BYTES_BOUNDARIES] },
      labels,
    }),
  );
}
