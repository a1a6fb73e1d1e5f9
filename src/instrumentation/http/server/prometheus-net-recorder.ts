import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import { labelled } from '../../../model/labelled-options.js';
import type {
  BindableCounter,
  BindableHistogram,
  BoundCounter,
  BoundHistogram,
} from '../../meter/bound-meter.js';
import { type Label, LabelList, listedLabel } from '../../meter/label-list.js';
import { type Action, actionOf, NO_ACTION } from '../action.js';
import type { HttpScheme } from '../request-state.js';
import type { HttpExchange, HttpServerRecorder, RecorderOptions } from './exchange.js';

/** prometheus-net's buckets: 0.001 · 2^n seconds, n = 0…15. */
export const PROMETHEUS_NET_BOUNDARIES: readonly number[] = Array.from(
  { length: 16 },
  (_, n) => 0.001 * 2 ** n,
);

/** The bound instruments of one label set. */
interface BoundSeries {
  readonly attributes: Attributes;
  readonly duration: BoundHistogram;
  readonly received: BoundCounter;
  /** Bound with the first error: a series that was bound is exposed. */
  errors: BoundCounter | undefined;
}

/** nginx's word for a client that left before it was answered; no status was sent then. */
const CLIENT_LEFT = 499;
const CODES = Array.from({ length: 1000 }, (_, code) => String(code));
/** The labels whose values are any text. */
const TEXTS = ['controller', 'action', 'endpoint'];
/** `setAction` and `setRoute` take any text. */
const MAX_CACHED_SERIES = 5000;
/** Distinct objects, for `setAction` may be given a new one for each request. */
const MAX_KNOWN_ACTIONS = 1000;

type SeriesOfRoutes = Map<string, Map<number, BoundSeries>>;

/**
 * The names and labels of prometheus-net's ASP.NET Core middleware, so that one dashboard serves .NET, PHP and Node.
 * `http_errors_total` counts answers of 500 and above, and those that never reached the client.
 */
export class PrometheusNetRecorder implements HttpServerRecorder {
  readonly #meter: Meter;
  readonly #duration: BindableHistogram;
  readonly #received: BindableCounter;
  readonly #errors: BindableCounter;
  readonly #inProgress: ObservableUpDownCounter;
  readonly #observe: BatchObservableCallback;
  readonly #labels: LabelList<readonly [Label, Label]>;
  /** By position of the method. */
  readonly #active = new Map<number, number>();
  /** By controller, action and route, then by the code of the other labels. */
  readonly #series = new Map<string, Map<string, SeriesOfRoutes>>();
  #cached = 0;
  /** The same, found without two comparisons of text. */
  readonly #byAction = new Map<Action, SeriesOfRoutes>();

  constructor({ meter, instruments, methods, settle }: RecorderOptions) {
    this.#meter = meter;
    this.#labels = new LabelList(listedLabel('method', methods.names), listedLabel('code', CODES));
    const labels = [...this.#labels.names, ...TEXTS];
    this.#duration = instruments.createHistogram(
      'http_request_duration_seconds',
      labelled({
        description: 'The duration of HTTP requests processed by the application.',
        unit: 's',
        valueType: ValueType.DOUBLE,
        advice: { explicitBucketBoundaries: [...PROMETHEUS_NET_BOUNDARIES] },
        labels,
      }),
    );
    this.#received = instruments.createCounter(
      'http_requests_received_total',
      labelled({
        description: 'The number of HTTP requests that have been processed by the application.',
        valueType: ValueType.INT,
        labels,
      }),
    );
    this.#errors = instruments.createCounter(
      'http_errors_total',
      labelled({
        description: 'The number of HTTP requests that failed: status 500 and above, or never answered.',
        valueType: ValueType.INT,
        labels,
      }),
    );
    this.#inProgress = meter.createObservableUpDownCounter(
      'http_requests_in_progress',
      labelled({
        description: 'The number of requests currently in progress in the application.',
        valueType: ValueType.INT,
        labels: ['method'],
      }),
    );
    this.#observe = (result) => {
      settle();
      for (const [method, count] of this.#active) {
        result.observe(this.#inProgress, count, { method: methods.names[method] });
      }
    };
    meter.addBatchObservableCallback(this.#observe, [this.#inProgress]);
  }

  started(method: number, _scheme: HttpScheme): void {
    this.#active.set(method, (this.#active.get(method) ?? 0) + 1);
  }

  finished(exchange: HttpExchange): void {
    const { method, seconds, statusCode, failure } = exchange;
    this.#active.set(method, (this.#active.get(method) ?? 1) - 1);
    const status = statusCode === 0 ? CLIENT_LEFT : statusCode;
    const series = this.#seriesOf(exchange, this.#labels.code(method, status));
    if (seconds !== undefined) series.duration.record(seconds);
    series.received.add(1);
    if (status >= 500 || failure !== undefined) {
      series.errors ??= this.#errors.bind(series.attributes);
      series.errors.add(1);
    }
  }

  stop(): void {
    this.#meter.removeBatchObservableCallback(this.#observe, [this.#inProgress]);
  }

  #seriesOf({ request, route }: HttpExchange, code: number): BoundSeries {
    const action = request === undefined ? NO_ACTION : actionOf(request, route !== undefined);
    const endpoint = route ?? '';
    const byCode = getOrAdd(this.#byAction.get(action) ?? this.#ofAction(action), endpoint);
    let series = byCode.get(code);
    if (series === undefined) {
      const texts = [action.controller, action.action, endpoint];
      const attributes = {
        ...this.#labels.attributes(code),
        ...Object.fromEntries(TEXTS.map((name, index) => [name, texts[index]])),
      };
      series = {
        attributes,
        duration: this.#duration.bind(attributes),
        received: this.#received.bind(attributes),
        errors: undefined,
      };
      byCode.set(code, series);
      if (++this.#cached > MAX_CACHED_SERIES) this.#forget();
    }
    return series;
  }

  #ofAction(action: Action): SeriesOfRoutes {
    const byRoute: SeriesOfRoutes = getOrAdd(getOrAdd(this.#series, action.controller), action.action);
    if (this.#byAction.size >= MAX_KNOWN_ACTIONS) this.#byAction.clear();
    this.#byAction.set(action, byRoute);
    return byRoute;
  }

  #forget(): void {
    this.#series.clear();
    this.#byAction.clear();
    this.#cached = 0;
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
