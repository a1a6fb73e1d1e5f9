import type { Series } from '../../model/series.js';
import { type Label, type LabelRules, seriesLabels, usesBucketLabel } from './labels.js';

/** The labels of a series in the bytes of one format. */
export interface EncodedLabels {
  /** Equal if and only if the labels are equal. */
  readonly key: string;
  readonly bytes: Uint8Array;
}

interface Entry {
  readonly plain: EncodedLabels;
  readonly histogram: EncodedLabels;
}

/**
 * Renders the labels of a series once. Stores hand out the same object for the same series, so the cache is weak by
 * identity: a series that leaves the store leaves the cache, and there is nothing to bound or to sweep.
 */
export class LabelCache {
  readonly rules: LabelRules;
  readonly #encode: (labels: readonly Label[]) => Uint8Array;
  #rendered = 0;
  readonly #entries = new WeakMap<Series, Entry>();

  constructor(rules: LabelRules, encode: (labels: readonly Label[]) => Uint8Array) {
    this.rules = rules;
    this.#encode = encode;
  }

  /** How many series had to be rendered so far. */
  get rendered(): number {
    return this.#rendered;
  }

  get(series: Series, histogram: boolean): EncodedLabels {
    let entry = this.#entries.get(series);
    if (entry === undefined) {
      entry = this.#render(series);
      this.#entries.set(series, entry);
    }
    return histogram ? entry.histogram : entry.plain;
  }

  encode(labels: readonly Label[]): EncodedLabels {
    // JSON is injective and cheap, and unlike the encoded bytes it can be the key of a Map.
    return { key: labels.length === 0 ? '' : JSON.stringify(labels), bytes: this.#encode(labels) };
  }

  #render(series: Series): Entry {
    this.#rendered += 1;
    const plain = this.encode(seriesLabels(series, this.rules, false));
    if (!usesBucketLabel(series, this.rules)) return { plain, histogram: plain };
    return { plain, histogram: this.encode(seriesLabels(series, this.rules, true)) };
  }
}
