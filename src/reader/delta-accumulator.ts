import type { Attributes as OtelAttributes } from '@opentelemetry/api';
import { DataPointType, type MetricData, type ResourceMetrics } from '@opentelemetry/sdk-metrics';

import { describesHost } from '../instrumentation/host/host-scope.js';
import type { CurrentPoint, DeltaBatch, DeltaPoint, FamilyPoints } from '../model/delta-batch.js';
import type { InstanceAggregation } from '../model/family.js';
import { attributeOf, encodeSeries, OVERFLOW_ATTRIBUTE, type Attributes } from '../model/series.js';
import { shorten } from '../model/shorten.js';
import { AdditiveFamily } from './additive-family.js';
import { CurrentFamily } from './current-family.js';
import type { ModeOf } from './gauge-aggregation.js';
import type { KnownScope, SeriesName } from './known-series.js';
import type { LossCounter } from './losses.js';
import {
  boundariesOf,
  givenBoundaries,
  histogramValues,
  identityOf,
  isDelta,
  isFamilyOf,
  isObservable,
  isSynchronous,
  makeFamily,
  type MetricIdentity,
} from './metric-family.js';
import { type Fit, normalizeAttributes, normalizeScope, type OtelScope } from './normalize.js';
import { resourceAttributes } from './resource-attributes.js';

export interface DeltaAccumulatorOptions {
  /** How the current values of several instances of this gauge become one answer. */
  readonly gaugeAggregation: ModeOf;
  /** Series of one family that this process keeps apart; what exceeds them is summed into one. */
  readonly maxSeries: number;
  /** Characters that a label value, a key or a name may have; what is longer is cut. */
  readonly maxLabelLength: number;
  /** Milliseconds after which an unchanged counter is written again, so that its series does not expire. */
  readonly refreshMs: number;
  /**
   * Resource attributes that become attributes of every series, by key. They are part of the series from the moment of
   * counting on: what two versions of an application count stays apart, whichever of them still runs.
   */
  readonly resourceLabels: (key: string) => boolean;
  readonly losses: LossCounter;
}

/** A counter that did not change is written again after this long, so that its series does not expire while it lives. */
export const REFRESH_MS = 60_000;

/** Characters that scope and labels of one series may have together. One with more is summed into the overflow series. */
const MAX_SERIES_TEXT = 65_536;

/**
 * Turns collections of the SDK into delta batches. Pure: no I/O, no clock of its own. What was added and not yet taken
 * is merged, so that an outage of the store costs memory by the number of series and not by time.
 */
export class DeltaAccumulator {
  readonly #options: DeltaAccumulatorOptions;
  readonly #families = new Map<string, Array<AdditiveFamily | CurrentFamily>>();
  #scopes = new WeakMap<OtelScope, KnownScope>();
  #resource: Attributes = [];
  #resourceSource: unknown;
  /** Undefined if no resource attribute is copied to the series. */
  #copied: Readonly<Record<string, string>> | undefined;
  #hostName: string | undefined;
  #dirty = false;
  #collectedMark = 0;

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
    for (const family of this.#all()) if (family instanceof AdditiveFamily) count += family.pending;
    return count;
  }

  /** Number of series that are remembered to be recognized. */
  get knownSeries(): number {
    let count = 0;
    for (const family of this.#all()) count += family.known;
    return count;
  }

  /** Number of values that outlive this process and were first seen after `mark`. */
  keptSince(mark: number): number {
    let count = 0;
    for (const family of this.#all()) {
      if (family instanceof CurrentFamily && family.family.aggregation === 'keep')
        count += family.changedSince(mark);
    }
    return count;
  }

  /**
   * Takes over one collection.
   *
   * @param nowMark its time by `performance.now()`
   * @param observed false: no callback was called for it, and what they last observed goes on
   */
  add(metrics: ResourceMetrics, nowMark: number, observed = true): void {
    this.#dirty = true;
    this.#collectedMark = nowMark;
    this.#setResource(metrics.resource);
    for (const family of this.#all()) family.begin(nowMark);
    for (const { scope, metrics: list } of metrics.scopeMetrics) {
      for (const metric of list) this.#addMetric(this.#scope(scope), metric, nowMark);
    }
    for (const family of this.#all()) if (family instanceof CurrentFamily) family.end(nowMark, observed);
  }

  /** Everything that waits, as one batch. */
  take(sequence: number): DeltaBatch {
    this.#dirty = false;
    const deltas: Array<FamilyPoints<DeltaPoint>> = [];
    const current: Array<FamilyPoints<CurrentPoint>> = [];
    for (const one of this.#all()) {
      const { family } = one;
      if (one instanceof CurrentFamily) {
        if (one.points.length > 0) current.push({ family, points: one.points });
      } else if (one.pending > 0) deltas.push({ family, points: one.take() });
    }
    return { sequence, resource: this.#resource, collectedAt: this.#collectedMark, deltas, current };
  }

  *#all(): Iterable<AdditiveFamily | CurrentFamily> {
    for (const families of this.#families.values()) yield* families;
  }

  #setResource(resource: ResourceMetrics['resource']): void {
    if (resource === this.#resourceSource) return;
    this.#resourceSource = resource;
    this.#scopes = new WeakMap();
    // Asynchronous attributes have settled: PeriodicExportingMetricReader waits for them before it exports.
    this.#resource = resourceAttributes(resource.attributes, this.#fit('target_info'));
    const copied = this.#resource.filter(([key]) => this.#options.resourceLabels(key));
    this.#copied = copied.length > 0 ? Object.fromEntries(copied) : undefined;
    this.#hostName = attributeOf(this.#resource, 'host.name');
  }

  #addMetric(scope: KnownScope, metric: MetricData, nowMark: number): void {
    const ofHost = describesHost(scope.scope.name, metric.descriptor.name);
    const identity = identityOf(metric, this.#aggregation(scope, metric, ofHost));
    const fit = this.#fit(identity.name);
    const isSum = isDelta(metric);
    const stands = isSynchronous(metric);
    let family: AdditiveFamily | CurrentFamily | undefined;
    for (const { value, attributes } of metric.dataPoints) {
      const boundaries = boundariesOf(value);
      if (family === undefined || !isFamilyOf(family.family, identity, boundaries))
        family = this.#family(metric, identity, value, boundaries, nowMark);
      const name = this.#seriesName(scope, attributes, ofHost, fit);
      if (family instanceof AdditiveFamily)
        family.add(name, typeof value === 'number' ? [value] : histogramValues(value), nowMark);
      else if (typeof value === 'number') family.add(name, { value, isDelta: isSum, stands });
    }
  }

  /** Undefined for what is added up over instances. */
  #aggregation({ scope }: KnownScope, metric: MetricData, ofHost: boolean): InstanceAggregation | undefined {
    const { dataPointType, descriptor } = metric;
    if (dataPointType !== DataPointType.GAUGE && dataPointType !== DataPointType.SUM) return undefined;
    if (ofHost) return 'last';
    const mode = this.#options.gaugeAggregation(descriptor.name, scope.name);
    if (dataPointType === DataPointType.GAUGE) return mode === 'shared' ? 'last' : mode;
    const shared = mode === 'shared' && isObservable(metric);
    // A counter must not go down when the process ends that saw the most of it.
    if (metric.isMonotonic) return shared ? 'keep' : undefined;
    return shared ? 'last' : 'sum';
  }

  #family(
    metric: MetricData,
    identity: MetricIdentity,
    value: MetricData['dataPoints'][number]['value'],
    boundaries: readonly number[] | undefined,
    nowMark: number,
  ): AdditiveFamily | CurrentFamily {
    const { maxSeries, refreshMs, losses } = this.#options;
    let families = this.#families.get(identity.name);
    if (families === undefined) this.#families.set(identity.name, (families = []));
    const found = families.find(({ family }) => isFamilyOf(family, identity, boundaries));
    if (found !== undefined) return found;
    const { name, description } = metric.descriptor;
    if (name.length > identity.name.length) losses.cut(identity.name, undefined);
    const given = givenBoundaries(value);
    if (given !== undefined && boundaries !== undefined && given !== boundaries)
      losses.mended(identity.name, given, boundaries);
    const family = makeFamily(identity, description, boundaries);
    const made =
      identity.aggregation === undefined
        ? new AdditiveFamily({ family, maxSeries, refreshMs, losses }, nowMark)
        : new CurrentFamily({ family, maxSeries, losses });
    if (made instanceof CurrentFamily) made.begin();
    families.push(made);
    return made;
  }

  /** Undefined for what has no place of its own: the SDK's overflow, and labels that are too long together. */
  #seriesName(
    known: KnownScope,
    attributes: OtelAttributes,
    ofHost: boolean,
    fit: Fit,
  ): SeriesName | undefined {
    const before = known.names.get(attributes);
    if (before !== undefined) return before;
    if (attributes[OVERFLOW_ATTRIBUTE] === true) return undefined;
    const own = this.#copied === undefined ? attributes : { ...this.#copied, ...attributes };
    const named = ofHost && this.#hostName !== undefined;
    const normalized = normalizeAttributes(named ? { ...own, 'host.name': this.#hostName } : own, fit);
    const text = known.text + JSON.stringify(normalized);
    if (text.length > MAX_SERIES_TEXT) return undefined;
    const name = { scope: known.scope, attributes: normalized, text };
    if (Object.isFrozen(attributes) && !ofHost) known.names.set(attributes, name);
    return name;
  }

  #fit(metric: string): Fit {
    const { maxLabelLength, losses } = this.#options;
    return (text, key) => {
      if (text.length <= maxLabelLength) return text;
      losses.cut(metric, key);
      return shorten(text, maxLabelLength);
    };
  }

  #scope(otelScope: OtelScope): KnownScope {
    let found = this.#scopes.get(otelScope);
    if (found === undefined) {
      const scope = normalizeScope(otelScope, this.#fit(otelScope.name));
      found = { scope, text: encodeSeries(scope, []), names: new WeakMap() };
      this.#scopes.set(otelScope, found);
    }
    return found;
  }
}
