import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';

import { encodeSeries, type Attributes } from '../model/series.js';
import type { CurrentPoint, DeltaBatch, DeltaPoint, FamilyPoints } from '../model/delta-batch.js';
import type { Family, InstanceAggregation } from '../model/family.js';
import { AdditiveDeltas } from './additive-deltas.js';
import { CurrentValues } from './current-values.js';
import { SeriesMemory, type KnownScope, type KnownSeries } from './known-series.js';
import { LossCounter, type Losses } from './losses.js';
import {
  boundariesOf,
  histogramValues,
  isFamilyOf,
  isHostMetric,
  makeFamily,
  sameNumbers,
  type HistogramValue,
} from './metric-family.js';
import type { Warn } from '../warnings.js';
import { normalizeAttributes, normalizeScope, type OtelScope } from './normalize.js';

export interface DeltaAccumulatorOptions {
  /** How the current values of several instances of this gauge become one answer. */
  readonly gaugeAggregation: (name: string) => InstanceAggregation;
  /** Series of one family that may wait in memory while the store is away; what exceeds it is summed into one. */
  readonly maxSeries: number;
  /** Milliseconds after which an unchanged counter is written again, so that its series does not expire. */
  readonly refreshMs: number;
  /**
   * Resource attributes that become attributes of every series, by key. They are part of the series from the moment of
   * counting on: what two versions of an application count stays apart, whichever of them still runs.
   */
  readonly resourceLabels: (key: string) => boolean;
  readonly warn: Warn;
}

/** A counter that did not change is written again after this long, so that its series does not expire while it lives. */
export const REFRESH_MS = 60_000;

interface FamilyState {
  readonly family: Family;
  readonly memory: SeriesMemory;
  readonly deltas: AdditiveDeltas;
  readonly current: CurrentValues;
}

/**
 * Turns collections of the SDK into delta batches. Pure: no I/O, no clock of its own. What was added and not yet taken
 * is merged, so that an outage of the store costs memory by the number of series and not by time.
 */
export class DeltaAccumulator {
  readonly #options: DeltaAccumulatorOptions;
  readonly #families = new Map<string, FamilyState[]>();
  readonly #scopes = new WeakMap<OtelScope, KnownScope>();
  readonly #losses: LossCounter;
  #resource: Attributes = [];
  #resourceSource: unknown;
  /** Undefined if no resource attribute is copied to the series. */
  #copied: Readonly<Record<string, string>> | undefined;
  #hostName: string | undefined;
  #dirty = false;
  #collectedMark = 0;

  constructor(options: DeltaAccumulatorOptions) {
    this.#options = options;
    this.#losses = new LossCounter(options.warn);
  }

  /** True when something was added since the last {@link take}; also when it was only a sign of life. */
  get dirty(): boolean {
    return this.#dirty;
  }

  /** Number of series whose additions wait. */
  get pendingSeries(): number {
    let count = 0;
    for (const { deltas } of this.#states()) count += deltas.size;
    return count;
  }

  /** Number of series that are remembered to be recognized. */
  get knownSeries(): number {
    let count = 0;
    for (const { memory } of this.#states()) count += memory.size;
    return count;
  }

  /** Takes over one collection. @param nowMark its time by `performance.now()` */
  add(metrics: ResourceMetrics, nowMark: number): void {
    this.#dirty = true;
    this.#collectedMark = nowMark;
    this.#setResource(metrics.resource);
    for (const state of this.#states()) {
      state.current.clear();
      if (!isSumOfDeltas(state.family)) state.memory.rotate(nowMark);
    }
    for (const { scope, metrics: list } of metrics.scopeMetrics) {
      for (const metric of list) this.#addMetric(this.#scope(scope), metric, nowMark);
    }
  }

  /** Everything that waits, as one batch. */
  take(sequence: number): DeltaBatch {
    this.#dirty = false;
    const deltas: Array<FamilyPoints<DeltaPoint>> = [];
    const current: Array<FamilyPoints<CurrentPoint>> = [];
    for (const state of this.#states()) {
      const { family } = state;
      if (state.current.points.length > 0) current.push({ family, points: state.current.points });
      if (state.deltas.size > 0) deltas.push({ family, points: state.deltas.take() });
    }
    return { sequence, resource: this.#resource, collectedAt: this.#collectedMark, deltas, current };
  }

  /** Points that were overflowed or dropped since the last call. */
  takeLosses(): Losses {
    return this.#losses.take();
  }

  *#states(): Iterable<FamilyState> {
    for (const states of this.#families.values()) yield* states;
  }

  #setResource(resource: ResourceMetrics['resource']): void {
    if (resource === this.#resourceSource) return;
    this.#resourceSource = resource;
    // Asynchronous attributes have settled: PeriodicExportingMetricReader waits for them before it exports.
    this.#resource = normalizeAttributes(resource.attributes);
    const copied = this.#resource.filter(([key]) => this.#options.resourceLabels(key));
    this.#copied = copied.length > 0 ? Object.fromEntries(copied) : undefined;
    this.#hostName = this.#resource.find(([key]) => key === 'host.name')?.[1];
  }

  #addMetric(scope: KnownScope, metric: MetricData, nowMark: number): void {
    const ofHost = isHostMetric(metric.descriptor.name);
    const aggregation = this.#aggregation(metric, ofHost);
    let state: FamilyState | undefined;
    for (const { value, attributes } of metric.dataPoints) {
      const boundaries = boundariesOf(value);
      if (
        state === undefined ||
        (boundaries !== undefined && !sameNumbers(state.family.boundaries, boundaries))
      )
        state = this.#state(metric, boundaries, aggregation, nowMark);
      const known = state.memory.find(scope, this.#attributes(attributes, ofHost), nowMark);
      if (typeof value !== 'number') this.#addHistogram(state, known, value, nowMark);
      else if (aggregation === undefined) this.#addCounter(state, known, value, nowMark);
      else state.current.add(known, value, isDeltaSum(metric), nowMark);
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

  #addCounter({ family, deltas }: FamilyState, known: KnownSeries, increment: number, nowMark: number): void {
    if (!Number.isFinite(increment)) {
      this.#losses.drop(family.name, `${increment} cannot be added to a counter`);
      return;
    }
    // An observable counter reports every series at every collection; only changed ones belong into a flush.
    if (increment === 0 && nowMark - known.sentMark < this.#options.refreshMs) return;
    known.sentMark = nowMark;
    if (!deltas.add(known.series, [increment])) this.#losses.overflow();
  }

  #addHistogram(
    { family, deltas }: FamilyState,
    known: KnownSeries,
    value: HistogramValue,
    nowMark: number,
  ): void {
    const { sum = 0 } = value;
    if (!Number.isFinite(sum)) {
      this.#losses.drop(family.name, `a sum of ${sum} cannot be added to a histogram`);
      return;
    }
    known.sentMark = nowMark;
    if (!deltas.add(known.series, histogramValues(value))) this.#losses.overflow();
  }

  #state(
    metric: MetricData,
    boundaries: readonly number[] | undefined,
    aggregation: InstanceAggregation | undefined,
    nowMark: number,
  ): FamilyState {
    const { name } = metric.descriptor;
    let states = this.#families.get(name);
    if (states === undefined) this.#families.set(name, (states = []));
    const found = states.find(({ family }) => isFamilyOf(family, metric, boundaries));
    if (found !== undefined) return found;
    const { maxSeries } = this.#options;
    const family = makeFamily(metric, boundaries, aggregation);
    const state: FamilyState = {
      family,
      memory: new SeriesMemory(maxSeries, nowMark),
      deltas: new AdditiveDeltas(family, maxSeries),
      current: new CurrentValues(),
    };
    states.push(state);
    return state;
  }

  #attributes(attributes: DataPoint<unknown>['attributes'], ofHost: boolean): Attributes {
    const own = this.#copied === undefined ? attributes : { ...this.#copied, ...attributes };
    const named = ofHost && this.#hostName !== undefined;
    return normalizeAttributes(named ? { ...own, 'host.name': this.#hostName } : own);
  }

  #scope(otelScope: OtelScope): KnownScope {
    let found = this.#scopes.get(otelScope);
    if (found === undefined) {
      const scope = normalizeScope(otelScope);
      found = { scope, text: encodeSeries(scope, []) };
      this.#scopes.set(otelScope, found);
    }
    return found;
  }
}

/**
 * One that was forgotten would go on from zero: a host counter when its turn to collect comes again, an observed up-down counter
 * when an attribute set comes back. The SDK's limit on attribute sets bounds both.
 */
function isSumOfDeltas({ name, type }: Family): boolean {
  return isHostMetric(name) || type === 'updowncounter';
}

function isDeltaSum(metric: MetricData): boolean {
  return (
    metric.dataPointType === DataPointType.SUM &&
    metric.aggregationTemporality === AggregationTemporality.DELTA
  );
}
