import type { FamilyPoints } from '../../../model/delta-batch.js';
import type { Family } from '../../../model/family.js';
import type { BatchSection } from '../scripts/batch-section.js';

/** What Redis has of this instance's labels and descriptors, so that they travel once. */
export class KnownSeries {
  readonly #ids = new Map<string, Set<string>>();
  /** Every family that this instance has added to. */
  readonly #families = new Map<string, Family>();
  readonly #maxIds: number;

  constructor(maxSeries: number) {
    this.#maxIds = 4 * maxSeries;
  }

  /** By family key; a family that is missing here was not described yet. */
  get ids(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#ids;
  }

  addFamilies(families: Iterable<FamilyPoints<unknown>>): void {
    for (const { family } of families) this.#families.set(family.key, family);
  }

  confirm(sections: readonly BatchSection[]): void {
    for (const { family, points } of sections) {
      let ids = this.#ids.get(family.key);
      // Under changing labels the memory of what was sent is begun anew; the price is labels sent twice.
      if (ids === undefined || ids.size > this.#maxIds) this.#ids.set(family.key, (ids = new Set()));
      for (const { series } of points) ids.add(series.id);
    }
  }

  /** Redis has nothing of it any more. */
  forget(): void {
    this.#ids.clear();
  }

  /**
   * The families that `sections` do not touch, without points: Redis needs their descriptors, or their totals would stay
   * hidden until the next addition.
   */
  otherFamilies(sections: readonly BatchSection[]): Array<FamilyPoints<never>> {
    const others = new Map(this.#families);
    for (const { family } of sections) others.delete(family.key);
    return Array.from(others.values(), (family) => ({ family, points: [] }));
  }
}
