import type { Attributes, AttributeValue } from '@opentelemetry/api';

import { shorten } from '../../model/shorten.js';
import type { ObservationLosses } from './observation-losses.js';

/**
 * Cuts long attributes before anything keeps them: the SDK holds every attribute set, and a JSON text of it, for an interval, so
 * that 200 values of 1 MB would be 400 MB.
 */
export class LabelLimit {
  readonly #limit: number;
  readonly #losses: ObservationLosses;

  constructor(limit: number, losses: ObservationLosses) {
    this.#limit = limit;
    this.#losses = losses;
  }

  /**
   * The attributes themselves, unless a value is too long. Runs for every record: 15 ns for three attributes. Keys are few and the
   * reader's to cut.
   */
  fit(attributes: Attributes, metric: string): Attributes {
    for (const key in attributes) {
      const value = attributes[key];
      if (
        typeof value === 'string'
          ? value.length > this.#limit
          : typeof value === 'object' && this.#isLong(value)
      )
        return this.#cut(attributes, metric);
    }
    return attributes;
  }

  #isLong(value: AttributeValue): boolean {
    return Array.isArray(value) && textOf(value).length > this.#limit;
  }

  #cut(attributes: Attributes, metric: string): Attributes {
    const fitting: Attributes = {};
    for (const key in attributes) {
      const value = attributes[key];
      const text = Array.isArray(value) ? textOf(value) : value;
      if (typeof text === 'string' && text.length > this.#limit) {
        fitting[key] = shorten(text, this.#limit);
        this.#losses.cut(metric, key);
      } else fitting[key] = value;
    }
    return fitting;
  }
}

/** As the reader writes arrays into labels. */
function textOf(value: readonly unknown[]): string {
  return JSON.stringify(value) ?? '';
}
