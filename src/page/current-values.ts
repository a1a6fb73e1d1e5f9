import { attributeOf } from '../model/series.js';
import type { SnapshotFamily, SnapshotSeries } from '../model/snapshot.js';

/** What gauges say at the moment, by an attribute that names whom they are about. */
export class CurrentValues {
  readonly #families = new Map<string, SnapshotFamily[]>();

  constructor(families: readonly SnapshotFamily[]) {
    for (const one of families) {
      const known = this.#families.get(one.family.name);
      if (known === undefined) this.#families.set(one.family.name, [one]);
      else known.push(one);
    }
  }

  /** All series of a metric. */
  series(name: string): SnapshotSeries[] {
    return (this.#families.get(name) ?? []).flatMap(({ series }) => series);
  }

  /** Sums by the value of the attribute `by`, of the series that `counts` takes. */
  sums(
    name: string,
    by: string,
    counts: (series: SnapshotSeries) => boolean = () => true,
  ): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const series of this.series(name)) {
      const whom = attributeOf(series.series.attributes, by);
      const value = series.values[0];
      if (whom === undefined || value === undefined || !Number.isFinite(value) || !counts(series)) continue;
      sums.set(whom, (sums.get(whom) ?? 0) + value);
    }
    return sums;
  }
}
