import type { CurrentPoint } from '../model/delta-batch.js';
import { type Family, mayCombine } from '../model/family.js';
import { makeSeries, OVERFLOW_SERIES, type Series } from '../model/series.js';
import type { SeriesName } from './known-series.js';
import type { LossCounter } from './losses.js';

export interface CurrentFamilyOptions {
  readonly family: Family;
  readonly maxSeries: number;
  readonly losses: LossCounter;
}

/** What one point of a collection says. */
export interface Reading {
  readonly value: number;
  /** The value is the change since the last collection. */
  readonly isDelta: boolean;
  /** It stays until it is recorded again (synchronous instruments), and not only as long as a callback observes it. */
  readonly stands: boolean;
}

interface Entry {
  readonly series: Series;
  value: number;
  stands: boolean;
  /** It must not begin from zero again when it comes back. */
  isSum: boolean;
  /** The last collection that reported it, and when that was. */
  seen: number;
  seenMark: number;
  /** The value of the last collection, and when it was first seen. */
  shown: number | undefined;
  changedMark: number;
}

/**
 * One gauge or up-down counter, or a counter that all processes see alike: its values as they stand. As many series as the
 * limit says, and one for all beyond it: the sum of up-down counters, the newest of gauges.
 */
export class CurrentFamily {
  readonly family: Family;
  readonly #maxSeries: number;
  readonly #losses: LossCounter;
  readonly #entries = new Map<string, Entry>();
  /** Those that stand at zero, oldest first: they make room for new ones, for nothing is lost with them. */
  readonly #zeros = new Set<string>();
  #overflow: Entry | undefined;
  #collection = 0;
  #points: readonly CurrentPoint[] = [];

  constructor({ family, maxSeries, losses }: CurrentFamilyOptions) {
    this.family = family;
    this.#maxSeries = maxSeries;
    this.#losses = losses;
  }

  /** Number of series that are remembered. */
  get known(): number {
    return this.#entries.size;
  }

  /** As the last collection left them. */
  get points(): readonly CurrentPoint[] {
    return this.#points;
  }

  /** Number of values that were first seen after `mark`. */
  changedSince(mark: number): number {
    let count = 0;
    for (const entry of this.#all()) if (entry.changedMark > mark) count += 1;
    return count;
  }

  /** A collection begins. */
  begin(): void {
    this.#collection += 1;
  }

  /** @param name undefined: what the SDK, or a limit before this one, has summed into its overflow series */
  add(name: SeriesName | undefined, reading: Reading): void {
    if (!this.#accepts(reading.value)) return;
    const entry =
      name === undefined ? undefined : (this.#entries.get(name.text) ?? this.#admit(name, reading));
    if (entry !== undefined) {
      this.#take(entry, reading);
      if (name !== undefined) this.#noteZero(name.text, entry);
      return;
    }
    if (reading.value !== 0 || !reading.isDelta) this.#losses.overflow();
    this.#take((this.#overflow ??= newEntry(OVERFLOW_SERIES)), reading);
  }

  /**
   * The collection is complete: what it did not report is gone, but for what stands.
   *
   * @param observed whether callbacks were called for it; if not, what they last observed goes on
   */
  end(nowMark: number, observed: boolean): void {
    if (!observed) this.#goOn();
    const points: CurrentPoint[] = [];
    for (const [text, entry] of this.#entries) {
      if (this.#isVisible(entry)) points.push(this.#pointOf(entry, nowMark));
      else if (!entry.isSum) this.#entries.delete(text);
    }
    if (this.#overflow !== undefined && this.#isVisible(this.#overflow))
      points.push(this.#pointOf(this.#overflow, nowMark));
    this.#points = points;
  }

  #goOn(): void {
    for (const entry of this.#all()) if (entry.seen === this.#collection - 1) entry.seen = this.#collection;
  }

  *#all(): Iterable<Entry> {
    yield* this.#entries.values();
    if (this.#overflow !== undefined) yield this.#overflow;
  }

  #isVisible({ stands, seen }: Entry): boolean {
    return stands || seen === this.#collection;
  }

  #accepts(value: number): boolean {
    const { name, type, aggregation = '' } = this.family;
    if (type === 'gauge' ? mayCombine(aggregation, value) : Number.isFinite(value)) return true;
    const where =
      type === 'gauge'
        ? `has no place in the ${aggregation} over processes`
        : `cannot be added to ${type === 'counter' ? 'a' : 'an up-down'} counter`;
    this.#losses.drop(name, `${value} ${where}`);
    return false;
  }

  /** Undefined when there is no room. */
  #admit({ text, scope, attributes }: SeriesName, { value, isDelta, stands }: Reading): Entry | undefined {
    // What begins by going down may have gone up while there was no room for it.
    if (this.#overflow !== undefined && stands && isDelta && value < 0) return undefined;
    if (this.#entries.size >= this.#maxSeries && !this.#makeRoom()) return undefined;
    const entry = newEntry(makeSeries(scope, attributes));
    this.#entries.set(text, entry);
    return entry;
  }

  #makeRoom(): boolean {
    for (const text of this.#zeros) {
      this.#zeros.delete(text);
      return this.#entries.delete(text);
    }
    return false;
  }

  #take(entry: Entry, { value, isDelta, stands }: Reading): void {
    const again = entry.seen === this.#collection;
    // Attributes that differ for the SDK, as 1 and "1" do, are one series here.
    if (this.family.type !== 'gauge' && (isDelta || again)) entry.value += value;
    else entry.value = value;
    entry.seen = this.#collection;
    entry.stands ||= stands;
    entry.isSum ||= isDelta;
  }

  #pointOf(entry: Entry, nowMark: number): CurrentPoint {
    if (!Object.is(entry.value, entry.shown)) {
      entry.shown = entry.value;
      entry.changedMark = nowMark;
    }
    const { series, value, changedMark } = entry;
    if (entry.seen === this.#collection) {
      entry.seenMark = nowMark;
      return { series, value, ageMs: nowMark - changedMark };
    }
    return { series, value, ageMs: nowMark - changedMark, silentMs: nowMark - entry.seenMark };
  }

  #noteZero(text: string, { value, stands, isSum }: Entry): void {
    if (value === 0 && stands && isSum) this.#zeros.add(text);
    else this.#zeros.delete(text);
  }
}

function newEntry(series: Series): Entry {
  return {
    series,
    value: 0,
    stands: false,
    isSum: false,
    seen: 0,
    seenMark: 0,
    shown: undefined,
    changedMark: 0,
  };
}
