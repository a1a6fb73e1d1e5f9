import type { Exposition, ReadableMetric } from '../prometheus/exposition.js';
import type { Snapshot } from '../model/snapshot.js';
import { ExploredFamily } from './explored-family.js';
import type { FamilyAnswer, FamilyName } from './protocol.js';

/** Metrics that are followed at once, over all viewers. */
const MAX_FOLLOWED = 6;

/** A metric that nobody has asked for so long is not followed any more. */
const FOLLOWED_MS = 60_000;

/** The newest snapshot. */
export interface Latest {
  readonly snapshot: Snapshot;
  /** On a clock that nobody sets, milliseconds. */
  readonly mark: number;
  /** Unix milliseconds. */
  readonly atMs: number;
}

export interface ExplorerOptions {
  readonly exposition: Exposition;
  readonly windowMs: number;
  readonly rows: number;
}

/** Any metric of the project, under its names in the exposition. Follows those that somebody looks at. */
export class Explorer {
  readonly #options: ExplorerOptions;
  readonly #followed = new Map<string, ExploredFamily>();

  constructor(options: ExplorerOptions) {
    this.#options = options;
  }

  /** All metrics, by name. */
  names({ snapshot }: Latest): FamilyName[] {
    const names = this.#metrics(snapshot).map(({ name, type, help, unit, families }) => ({
      name,
      type,
      help,
      unit,
      series: families.reduce((sum, { series }) => sum + series.length, 0),
    }));
    return names.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** One metric; undefined if there is none of that name. */
  async family(name: string, latest: Latest, now: number): Promise<FamilyAnswer | undefined> {
    let followed = this.#followed.get(name);
    if (followed === undefined) {
      const metric = this.#metrics(latest.snapshot).find((one) => one.name === name);
      if (metric === undefined) return undefined;
      followed = new ExploredFamily(now, this.#options.windowMs, this.#options.rows);
      this.#followed.set(name, followed);
      this.#bound();
      await followed.take(metric, latest.mark, latest.atMs);
    }
    followed.askedMark = now;
    return followed.answer;
  }

  /** Takes the newest snapshot for the metrics that are followed. */
  async follow({ snapshot, mark, atMs }: Latest): Promise<void> {
    for (const [name, { askedMark }] of this.#followed)
      if (askedMark < mark - FOLLOWED_MS) this.#followed.delete(name);
    if (this.#followed.size === 0) return;
    for (const metric of this.#metrics(snapshot))
      await this.#followed.get(metric.name)?.take(metric, mark, atMs);
  }

  #metrics(snapshot: Snapshot): ReadableMetric[] {
    return this.#options.exposition.metrics(snapshot);
  }

  #bound(): void {
    const oldest = [...this.#followed].toSorted(([, a], [, b]) => a.askedMark - b.askedMark);
    for (const [name] of oldest.slice(0, Math.max(0, oldest.length - MAX_FOLLOWED)))
      this.#followed.delete(name);
  }
}
