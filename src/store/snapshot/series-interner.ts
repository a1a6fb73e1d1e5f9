import { makeSeries, type Attributes, type Series } from '../../model/series.js';

/** The attribute that tells the series of two instances apart; OpenTelemetry resource semantic conventions. */
export const INSTANCE_ATTRIBUTE = 'service.instance.id';

/**
 * One object per series over all snapshots, so that a renderer may cache label text by identity. {@link rotate} forgets what
 * the latest snapshot did not use, which bounds the memory without a limit to tune.
 */
export class SeriesInterner {
  #stored = new Generations();
  #derived = new Map<string, Generations>();

  /** The object that was returned for this series before, or the given one. */
  intern(series: Series): Series {
    return this.#stored.get(series.id) ?? this.#stored.add(series.id, series);
  }

  /**
   * The series with {@link INSTANCE_ATTRIBUTE} added. A series that carries the attribute of its own keeps its value: a
   * process that reports for others knows better.
   */
  withInstance(series: Series, instance: string): Series {
    let ofInstance = this.#derived.get(instance);
    if (ofInstance === undefined) this.#derived.set(instance, (ofInstance = new Generations()));
    return ofInstance.get(series.id) ?? ofInstance.add(series.id, addInstance(series, instance));
  }

  /** Ends a snapshot. */
  rotate(): void {
    this.#stored.rotate();
    for (const [instance, series] of this.#derived) {
      if (series.rotate() === 0) this.#derived.delete(instance);
    }
  }
}

/** The series that the snapshot under construction uses, and those that the one before it used. */
class Generations {
  #current = new Map<string, Series>();
  #previous = new Map<string, Series>();

  get(id: string): Series | undefined {
    const current = this.#current.get(id);
    if (current !== undefined) return current;
    const previous = this.#previous.get(id);
    if (previous !== undefined) this.#current.set(id, previous);
    return previous;
  }

  add(id: string, series: Series): Series {
    this.#current.set(id, series);
    return series;
  }

  /** Returns the number of series that are kept. */
  rotate(): number {
    this.#previous = this.#current;
    this.#current = new Map();
    return this.#previous.size;
  }
}

function addInstance(series: Series, instance: string): Series {
  const { attributes } = series;
  if (attributes.some(([key]) => key === INSTANCE_ATTRIBUTE)) return series;
  const after = attributes.findIndex(([key]) => key > INSTANCE_ATTRIBUTE);
  const at = after === -1 ? attributes.length : after;
  const extended: Attributes = attributes.toSpliced(at, 0, [INSTANCE_ATTRIBUTE, instance]);
  return makeSeries(series.scope, extended);
}
