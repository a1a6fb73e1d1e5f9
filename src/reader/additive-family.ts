import { addValues } from '../model/values.js';
import type { DeltaPoint } from '../model/delta-batch.js';
import type { Family } from '../model/family.js';
import { OVERFLOW_SERIES, type Series } from '../model/series.js';
import { SeriesMemory, type SeriesName } from './known-series.js';
import type { LossCounter } from './losses.js';

export interface AdditiveFamilyOptions {
  readonly family: Family;
  readonly maxSeries: number;
  readonly refreshMs: number;
  readonly losses: LossCounter;
}

interface Waiting {
  readonly series: Series;
  values: readonly number[];
}

/**
 * One counter or histogram: what was added to it and waits for the store, one entry for each series however long it waits. Series
 * beyond the limit are summed into one.
 */
export class AdditiveFamily {
  readonly family: Family;
  readonly #options: AdditiveFamilyOptions;
  readonly #memory: SeriesMemory;
  #waiting = new Map<string, Waiting>();

  constructor(options: AdditiveFamilyOptions, nowMark: number) {
    this.family = options.family;
    this.#options = options;
    this.#memory = new SeriesMemory(options.maxSeries, nowMark);
  }

  /** Number of series that wait. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Number of series that are remembered to be recognized. */
  get known(): number {
    return this.#memory.size;
  }

  /** A collection begins. */
  begin(nowMark: number): void {
    this.#memory.rotate(nowMark);
  }

  /** @param name undefined: what the SDK, or a limit before this one, has summed into its overflow series */
  add(name: SeriesName | undefined, values: readonly number[], nowMark: number): void {
    const { losses, refreshMs } = this.#options;
    const why = notAddable(this.family, values);
    if (why !== undefined) {
      losses.drop(this.family.name, why);
      return;
    }
    const idle = this.family.type === 'counter' && values[0] === 0;
    if (name === undefined) {
      if (!idle) this.#overflow(values);
      return;
    }
    const known = this.#memory.find(name);
    // An observable counter reports every series at every collection; only changed ones belong into a flush.
    if (idle && nowMark - known.sentMark < refreshMs) return;
    known.sentMark = nowMark;
    const { series } = known;
    if (this.#waiting.has(series.id) || this.#waiting.size < this.#options.maxSeries)
      this.#pend(series, values);
    else this.#overflow(values);
  }

  /** Everything that waits, which then waits no more. */
  take(): DeltaPoint[] {
    const points = [...this.#waiting.values()];
    this.#waiting = new Map();
    return points;
  }

  #overflow(values: readonly number[]): void {
    this.#options.losses.overflow();
    this.#pend(OVERFLOW_SERIES, values);
  }

  #pend(series: Series, values: readonly number[]): void {
    const waiting = this.#waiting.get(series.id);
    if (waiting === undefined) this.#waiting.set(series.id, { series, values });
    else waiting.values = addValues(this.family, waiting.values, values);
  }
}

/** Undefined if the values can be added: one that is no number would be in the sum for ever. */
function notAddable({ type, boundaries }: Family, values: readonly number[]): string | undefined {
  const [first = 0] = values;
  if (type === 'counter') {
    return Number.isFinite(first) && first >= 0 ? undefined : `${first} cannot be added to a counter`;
  }
  if (boundaries !== undefined && values.length !== boundaries.length + 2) {
    return `${values.length - 1} counts do not fit ${boundaries.length} boundaries`;
  }
  const bad = values.find((value) => !Number.isFinite(value));
  return bad === undefined ? undefined : `${bad} cannot be added to a histogram`;
}
