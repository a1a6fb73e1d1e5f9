import type { Attributes, HrTime } from '@opentelemetry/api';

import { OVERFLOW_ATTRIBUTE } from '../../model/series.js';
import type { Acceptance } from './acceptance.js';
import type { LabelLimit } from './label-limit.js';
import type { ObservationLosses } from './observation-losses.js';

export type ObservableType = 'counter' | 'updowncounter' | 'gauge';

/** One observation as the SDK's buffer of a callback holds it: attributes, value, and the SDK's text of the attributes. */
export type Observation = readonly [attributes: Attributes, value: number, text: string];

export interface ObservationFilterOptions {
  readonly metric: string;
  readonly type: ObservableType;
  /** Why an observation cannot be taken; undefined if it can. */
  readonly accepts: Acceptance;
  /** Attribute sets that are kept apart. */
  readonly maxSets: number;
  /** What the views make of the attributes; undefined: what they are. */
  readonly view: ((attributes: Attributes) => Attributes) | undefined;
  readonly labels: LabelLimit;
  readonly losses: ObservationLosses;
}

const OVERFLOW: Attributes = { [OVERFLOW_ATTRIBUTE]: true };
const OVERFLOW_TEXT = textOf(OVERFLOW);

/** So many times the sets that are kept apart may be remembered of those that are not, or as many as one collection has. */
const REMEMBERED = 4;

/**
 * What one observable instrument says in a collection, as one aggregation of the SDK can take it. By itself the SDK takes NaN; of
 * attribute sets that a view makes equal it keeps the last, where the specification wants the sum; and beyond its limit it takes
 * the values of different sets for one another's predecessors.
 */
export class ObservationFilter {
  readonly #options: ObservationFilterOptions;
  readonly #admitted = new Set<string>();
  /** The values of the sets that are summed into another one, in two generations; a counter's rise from there. */
  #values = new Map<string, number>();
  #old = new Map<string, number>();
  /** What those sets are together, by the set that they are summed into: of a counter all that they ever rose. */
  #totals = new Map<string, number>();
  #collection: HrTime | undefined;

  constructor(options: ObservationFilterOptions) {
    this.#options = options;
  }

  /** @param collection the SDK's time object of the collection: one for all callbacks */
  filter(observations: Iterable<Observation>, collection: HrTime): Iterable<Observation> {
    if (collection !== this.#collection) this.#begin(collection);
    const { metric, view, labels } = this.#options;
    const kept = new Map<string, Observation>();
    for (const [attributes, value, given] of observations) {
      if (!this.#accepts(value)) continue;
      const fitting = labels.fit(attributes, metric);
      const text = fitting === attributes ? given : textOf(fitting);
      const processed = view === undefined ? fitting : view(fitting);
      const key = processed === fitting ? text : textOf(processed);
      if (!this.#admits(key))
        kept.set(OVERFLOW_TEXT, [OVERFLOW, this.#total(OVERFLOW_TEXT, text, value), OVERFLOW_TEXT]);
      else if (processed === fitting && !this.#totals.has(key)) kept.set(key, [fitting, value, key]);
      else kept.set(key, [processed, this.#total(key, text, value), key]);
    }
    return kept.values();
  }

  #begin(collection: HrTime): void {
    this.#collection = collection;
    const { type, maxSets } = this.#options;
    if (type !== 'counter') {
      this.#values.clear();
      this.#totals.clear();
    } else if (this.#values.size > REMEMBERED * maxSets) {
      this.#old = this.#values;
      this.#values = new Map();
    }
  }

  #accepts(value: number): boolean {
    const { metric, accepts, losses } = this.#options;
    const why = accepts(value);
    if (why === undefined) return true;
    losses.drop(metric, why);
    return false;
  }

  #admits(key: string): boolean {
    if (this.#admitted.has(key)) return true;
    if (this.#admitted.size >= this.#options.maxSets) return false;
    this.#admitted.add(key);
    return true;
  }

  /** What the sets that are summed into `key` are together, now that one of them, `text`, has this value. */
  #total(key: string, text: string, value: number): number {
    const total = (this.#totals.get(key) ?? 0) + this.#increase(text, value);
    const now = this.#options.type === 'gauge' ? value : total;
    this.#totals.set(key, now);
    return now;
  }

  #increase(text: string, value: number): number {
    const before = this.#values.get(text) ?? this.#old.get(text) ?? 0;
    this.#values.set(text, value);
    // A counter that fell began again from zero.
    return this.#options.type === 'counter' && value < before ? value : value - before;
  }
}

/** As the SDK makes it (`hashAttributes`). */
function textOf(attributes: Attributes): string {
  const keys = Object.keys(attributes).toSorted();
  return keys.length === 0 ? '' : JSON.stringify(keys.map((key) => [key, attributes[key]]));
}
