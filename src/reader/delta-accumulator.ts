import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import {
  OVERFLOW_SERIES,
  type Attributes,
  type Scope,
  type Series,
  encodeSeries,
  makeSeries,
} from '../model/series.js';
import type { CurrentPoint, DeltaBatch, FamilyPoints } from '../model/delta-batch.js';
import { type Family, type FamilyType, type InstanceAggregation, familyKey } from '../model/family.js';
import { addValues } from '../model/add-values.js';
import { packExponential } from '../model/exponential-histogram.js';
import { type Warn, warning } from '../warnings.js';
import { normalizeAttributes, normalizeScope } from './normalize.js';

export interface DeltaAccumulatorOptions {
  /** How the current values of several instances of this gauge become one answer. */
  readonly gaugeAggregation: (name: string) => InstanceAggregation;
  /** Series of one family that may wait in memory while the store is away; what exceeds it is summed into one. */
  readonly maxSeries: number;
  /** Milliseconds after which an unchanged counter is written again, so that its series does not expire. Default a minute. */
  readonly refreshMs?: number | undefined;
  readonly warn: Warn;
}

/** What could not be kept apart or not be kept at all, since the last question. */
export interface Losses {
  readonly overflowed: number;
  readonly dropped: number;
}

/** A counter that did not change is written again after this long, so that its series does not expire while it lives. */
export const REFRESH_MS = 60_000;

/** Known series are forgotten when they were not seen for one to two such periods. */
const FORGET_MS = 600_000;

/** So many times the cap on series are known of a family at the most, twice that in all; bounds memory under changing labels. */
const KNOWN_PER_SERIES = 4;

/** What we know of one series of one family between two collections. */
interface Known {
  readonly series: Series;
  /** Last time a delta of it was taken over. */
  sentMs: number;
  /** Current values: what was seen last, or the sum of all deltas. Undefined before the first. */
  value: number | undefined;
  changedMs: number;
}

interface FamilyState {
  readonly family: Family;
  known: Map<string, Known>;
  /** The generation before; entries move back when they are seen. */
  old: Map<string, Known>;
  rotatedMs: number;
  /** Additions that wait, by series id. */
  readonly pending: Map<string, { readonly series: Series; values: number[] }>;
  current: CurrentPoint[];
}

/**
 * Turns collections of the SDK into delta batches. Pure: no I/O, no clock of its own. What was added and not yet taken
 * is merged, so that an outage of the store costs memory by the number of series and not by time.
 */
export class DeltaAccumulator {
  readonly #options: DeltaAccumulatorOptions;
  readonly #families = new Map<string, FamilyState[]>();
  readonly #scopes = new WeakMap<object, { readonly scope: Scope; readonly text: string }>();
  readonly #reported = new Set<string>();
  #resource: Attributes = [];
  #resourceSource: unknown;
  #hostName: string | undefined;
  #dirty = false;
  #collectedAt = 0;
  #overflowed = 0;
  #dropped = 0;

  constructor(options: DeltaAccumulatorOptions) {
    this.#options = options;
  }

  /** True when something was added since the last {@link take}; also when it was only a sign of life. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** Number of series whose additions wait. */
  get pendingSeries(): number {
    let count = 0;
    for (const states of this.#families.values()) for (const state of states) count += state.pending.size;
    return count;
  }

  /** Number of series that are remembered to be recognized. */
  get knownSeries(): number {
    let count = 0;
    for (const states of this.#families.values())
      for (const { known, old } of states) count += known.size + old.size;
    return count;
  }

  /** Takes over one collection; `nowMs` is its time by `performance.now()`. */
  add(metrics: ResourceMetrics, nowMs: number): void {
    this.#dirty = true;
    this.#collectedAt = nowMs;
    this.#setResource(metrics.resource);
    for (const states of this.#families.values()) {
      for (const state of states) {
        state.current = [];
        this.#rotate(state, nowMs);
      }
    }
    for (const { scope, metrics: list } of metrics.scopeMetrics) {
      for (const metric of list) this.#addMetric(scope, metric, nowMs);
    }
  }

  /** Everything that waits, as one batch. */
  take(sequence: number): DeltaBatch {
    this.#dirty = false;
    const deltas: Array<DeltaBatch['deltas'][number]> = [];
    const current: Array<FamilyPoints<CurrentPoint>> = [];
    for (const states of this.#families.values()) {
      for (const { family, pending, current: points } of states) {
        if (points.length > 0) current.push({ family, points });
        if (pending.size === 0) continue;
        deltas.push({ family, points: [...pending.values()] });
        pending.clear();
      }
    }
    return { sequence, resource: this.#resource, collectedAt: this.#collectedAt, deltas, current };
  }

  /** Points that were overflowed or dropped since the last call. */
  takeLosses(): Losses {
    const losses = { overflowed: this.#overflowed, dropped: this.#dropped };
    this.#overflowed = 0;
    this.#dropped = 0;
    return losses;
  }

  #setResource(resource: ResourceMetrics['resource']): void {
    if (resource === this.#resourceSource) return;
    this.#resourceSource = resource;
    // Asynchronous attributes have settled: PeriodicExportingMetricReader waits for them before it exports.
    this.#resource = normalizeAttributes(resource.attributes);
    this.#hostName = this.#resource.find(([key]) => key === 'host.name')?.[1];
  }

  #addMetric(otelScope: object & { name: string }, metric: MetricData, nowMs: number): void {
    const scope = this.#scope(otelScope);
    const ofHost = isHostMetric(metric.descriptor.name);
    const aggregation = this.#aggregation(metric, ofHost);
    let state: FamilyState | undefined;
    for (const point of metric.dataPoints) {
      const boundaries = isHistogram(point.value) ? point.value.buckets.boundaries : undefined;
      if (
        state === undefined ||
        (boundaries !== undefined && !sameNumbers(state.family.boundaries, boundaries))
      ) {
        state = this.#family(metric, boundaries, aggregation, nowMs);
      }
      const known = this.#known(state, scope, point.attributes, ofHost, nowMs);
      if (typeof point.value !== 'number') {
        this.#addHistogram(metric, state, known, point.value, nowMs);
      } else if (aggregation === undefined) {
        this.#addCounter(metric, state, known, point.value, nowMs);
      } else {
        addCurrent(
          state,
          known,
          metric.dataPointType === DataPointType.SUM &&
            metric.aggregationTemporality === AggregationTemporality.DELTA,
          point.value,
          nowMs,
        );
      }
    }
  }

  /** Undefined for what is added up over instances. */
  #aggregation(metric: MetricData, ofHost: boolean): InstanceAggregation | undefined {
    if (metric.dataPointType === DataPointType.GAUGE) {
      return ofHost ? 'last' : this.#options.gaugeAggregation(metric.descriptor.name);
    }
    if (metric.dataPointType === DataPointType.SUM) {
      if (ofHost) return 'last';
      if (!metric.isMonotonic) return 'sum';
    }
    return undefined;
  }

  #addCounter(metric: MetricData, state: FamilyState, known: Known, increment: number, nowMs: number): void {
    if (!Number.isFinite(increment)) {
      this.#drop(metric, 1, `${increment} cannot be added to a counter`);
      return;
    }
    // An observable counter reports every series at every collection; only changed ones belong into a flush.
    if (increment === 0 && nowMs - known.sentMs < (this.#options.refreshMs ?? REFRESH_MS)) return;
    known.sentMs = nowMs;
    this.#pend(state, known.series, [increment]);
  }

  #addHistogram(
    metric: MetricData,
    state: FamilyState,
    known: Known,
    value: Histogram | ExponentialHistogram,
    nowMs: number,
  ): void {
    const sum = value.sum ?? 0;
    if (!Number.isFinite(sum)) {
      this.#drop(metric, 1, `a sum of ${sum} cannot be added to a histogram`);
      return;
    }
    known.sentMs = nowMs;
    this.#pend(
      state,
      known.series,
      isHistogram(value) ? [sum, ...value.buckets.counts] : exponentialValues(value),
    );
  }

  #pend(state: FamilyState, series: Series, values: number[]): void {
    let target = series;
    if (!state.pending.has(series.id) && state.pending.size >= this.#options.maxSeries) {
      target = OVERFLOW_SERIES;
      this.#overflowed++;
    }
    const waiting = state.pending.get(target.id);
    if (waiting === undefined) state.pending.set(target.id, { series: target, values });
    else waiting.values = addValues(state.family, waiting.values, values);
  }

  #family(
    metric: MetricData,
    boundaries: readonly number[] | undefined,
    aggregation: InstanceAggregation | undefined,
    nowMs: number,
  ): FamilyState {
    const { name, unit, description } = metric.descriptor;
    const type = familyType(metric);
    let states = this.#families.get(name);
    if (states === undefined) this.#families.set(name, (states = []));
    const found = states.find(
      ({ family }) =>
        family.type === type && family.unit === unit && sameNumbers(family.boundaries, boundaries),
    );
    if (found !== undefined) return found;
    const identity = {
      name: name.toWellFormed(),
      type,
      unit: unit.toWellFormed(),
      ...(boundaries && { boundaries: [...boundaries] }),
    };
    const state: FamilyState = {
      family: {
        key: familyKey(identity),
        ...identity,
        help: description.toWellFormed(),
        ...(aggregation && { aggregation }),
      },
      known: new Map(),
      old: new Map(),
      rotatedMs: nowMs,
      pending: new Map(),
      current: [],
    };
    states.push(state);
    return state;
  }

  #known(
    state: FamilyState,
    scope: { readonly scope: Scope; readonly text: string },
    attributes: DataPoint<unknown>['attributes'],
    ofHost: boolean,
    nowMs: number,
  ): Known {
    const own =
      ofHost && this.#hostName !== undefined ? { ...attributes, 'host.name': this.#hostName } : attributes;
    const normalized = normalizeAttributes(own);
    const text = scope.text + JSON.stringify(normalized);
    let known = state.known.get(text);
    if (known === undefined) {
      known = state.old.get(text) ?? {
        series: makeSeries(scope.scope, normalized),
        sentMs: -Infinity,
        value: undefined,
        changedMs: nowMs,
      };
      state.known.set(text, known);
    }
    return known;
  }

  #scope(otelScope: object & { name: string }): { readonly scope: Scope; readonly text: string } {
    let found = this.#scopes.get(otelScope);
    if (found === undefined) {
      const scope = normalizeScope(otelScope);
      found = { scope, text: encodeSeries(scope, []) };
      this.#scopes.set(otelScope, found);
    }
    return found;
  }

  #rotate(state: FamilyState, nowMs: number): void {
    // These are sums of deltas. One that was forgotten would go on from zero: a host counter when its turn to collect comes
    // again, an observed up-down counter when an attribute set comes back. The SDK's limit on attribute sets bounds both.
    if (isHostMetric(state.family.name) || state.family.type === 'updowncounter') return;
    const crowded = state.known.size > KNOWN_PER_SERIES * this.#options.maxSeries;
    if (!crowded && nowMs - state.rotatedMs < FORGET_MS) return;
    state.old = state.known;
    state.known = new Map();
    state.rotatedMs = nowMs;
  }

  #drop(metric: MetricData, points: number, why: string): void {
    this.#dropped += points;
    const [message, code] = warning('ORCHESTRATOR_POINTS_DROPPED', { metric: metric.descriptor.name, why });
    if (this.#reported.size < 100 && !this.#reported.has(message)) {
      this.#reported.add(message);
      this.#options.warn(message, code);
    }
  }
}

type PointValue = MetricData['dataPoints'][number]['value'];
type Histogram = Extract<PointValue, { readonly buckets: unknown }>;
type ExponentialHistogram = Extract<PointValue, { readonly scale: number }>;

function isHistogram(value: PointValue): value is Histogram {
  return typeof value === 'object' && 'buckets' in value;
}

function exponentialValues({ scale, zeroCount, sum, positive, negative }: ExponentialHistogram): number[] {
  return packExponential({
    scale,
    zeroThreshold: 0,
    zeroCount,
    sum: sum ?? 0,
    positive: { offset: positive.offset, counts: positive.bucketCounts },
    negative: { offset: negative.offset, counts: negative.bucketCounts },
  });
}

/** The system.* families describe the host, not the process: each process would report the same numbers. */
function isHostMetric(name: string): boolean {
  return name.startsWith('system.');
}

function addCurrent(state: FamilyState, known: Known, isDelta: boolean, value: number, nowMs: number): void {
  // Host counters and observed up-down counters arrive as deltas and are shown as they stand.
  const now = isDelta && known.value !== undefined ? known.value + value : value;
  if (!Object.is(now, known.value)) {
    known.value = now;
    known.changedMs = nowMs;
  }
  state.current.push({ series: known.series, value: now, ageMs: nowMs - known.changedMs });
}

function familyType(metric: MetricData): FamilyType {
  switch (metric.dataPointType) {
    case DataPointType.SUM:
      return metric.isMonotonic ? 'counter' : 'updowncounter';
    case DataPointType.GAUGE:
      return 'gauge';
    case DataPointType.HISTOGRAM:
      return 'histogram';
    case DataPointType.EXPONENTIAL_HISTOGRAM:
      return 'exponentialhistogram';
  }
}

function sameNumbers(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    a.length === b.length &&
    a.every((value, index) => value === b[index])
  );
}
