import { addValues } from '../../model/values.js';
import type { CurrentPoint, DeltaPoint } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { OVERFLOW_SERIES, type Series } from '../../model/series.js';
import type { StoredFamily, StoredSeries, StoredValue } from '../snapshot/stored-state.js';
import { type CappedValues, capCurrentPoints } from './cap-current-values.js';

const NO_VALUES: readonly number[] = [];

/**
 * One family of a project with its series. The series of current values are listed too, which is how their number is
 * limited.
 */
export class ProjectFamily {
  /** Help and aggregation change when an instance describes the family again. */
  family: Family;
  readonly createdAtMs: number;
  readonly series: Map<string, StoredSeries> = new Map();

  constructor(family: Family, createdAtMs: number) {
    this.family = family;
    this.createdAtMs = createdAtMs;
  }

  /** Adds to a series, or to the overflow series if the cap admits no new one. Returns whether it was admitted. */
  add({ series, values }: DeltaPoint, maxSeries: number, atMs: number): boolean {
    const admitted = this.#admits(series, maxSeries);
    const into = admitted ? series : OVERFLOW_SERIES;
    const known = this.series.get(into.id);
    this.series.set(
      into.id,
      known === undefined
        ? { series: into, updatedAtMs: atMs, startedAtMs: atMs, values: [...values] }
        : { ...known, updatedAtMs: atMs, values: addValues(this.family, known.values, values) },
    );
    return admitted;
  }

  /** Lists the series of one instance's current values; of a gauge that keeps them, also their newest values. Returns what the cap left of them. */
  report(
    points: readonly CurrentPoint[],
    maxSeries: number,
    atMs: number,
    collectedAtMs: number,
  ): CappedValues {
    const capped = capCurrentPoints(this.family, points, collectedAtMs, (series) => {
      const admitted = this.#admits(series, maxSeries);
      // Listed at once: the next point of this very batch must find one place less.
      if (admitted && !this.series.has(series.id)) this.#list(series, atMs);
      return admitted;
    });
    const keeps = this.family.aggregation === 'keep';
    for (const value of capped.values) {
      if (keeps) this.#keep(value, atMs);
      else this.#list(value.series, atMs);
    }
    return capped;
  }

  /** True if a series expired, or none is left. */
  hasExpired(expiredAtMs: number): boolean {
    if (this.series.size === 0) return true;
    for (const { updatedAtMs } of this.series.values()) if (updatedAtMs <= expiredAtMs) return true;
    return false;
  }

  /** Deletes what expired. */
  sweep(expiredAtMs: number): void {
    for (const [id, { updatedAtMs }] of this.series) if (updatedAtMs <= expiredAtMs) this.series.delete(id);
  }

  stored(): StoredFamily {
    const { family, createdAtMs, series } = this;
    return { family, createdAtMs, series: [...series.values()] };
  }

  #admits({ id }: Series, maxSeries: number): boolean {
    if (this.series.has(id) || id === OVERFLOW_SERIES.id) return true;
    return this.series.size - (this.series.has(OVERFLOW_SERIES.id) ? 1 : 0) < maxSeries;
  }

  #list(series: Series, atMs: number): void {
    const known = this.series.get(series.id);
    this.series.set(series.id, {
      series: known?.series ?? series,
      updatedAtMs: atMs,
      startedAtMs: 0,
      values: known?.values ?? NO_VALUES,
    });
  }

  #keep({ series, recordedAtMs, value }: StoredValue, atMs: number): void {
    const known = this.series.get(series.id);
    const isNewest = known === undefined || recordedAtMs >= known.startedAtMs;
    this.series.set(
      series.id,
      isNewest
        ? { series: known?.series ?? series, updatedAtMs: atMs, startedAtMs: recordedAtMs, values: [value] }
        : { ...known, updatedAtMs: atMs },
    );
  }
}
