import { randomBytes } from 'node:crypto';

import { reason } from '../errors.js';
import { SlidingWindow } from '../live/sliding-window.js';
import type { Snapshot } from '../model/snapshot.js';
import type { Exposition } from '../prometheus/exposition.js';
import { Explorer, type Latest } from './explorer.js';
import { History } from './history.js';
import { pageView, shownPart } from './page-view.js';
import type { FamiliesAnswer, FamilyAnswer, LiveAnswer, Now } from './protocol.js';
import { rowOf, withColumns } from './row.js';

/** Where the numbers come from. */
export interface LiveSource {
  /** As it was given, and as it stands in keys. */
  readonly project: string;
  readonly prefix: string;
  /** Kind and place, without credentials. */
  readonly store: string;
  readonly version: string;
  /** The sum, as a scrape reads it. */
  readonly read: () => Promise<Snapshot>;
  readonly exposition: Exposition;
}

/** Times in milliseconds. */
export interface LiveTiming {
  /** How often the store is read while somebody looks. */
  readonly everyMs: number;
  /** How long history is kept, and how long it goes on after the last viewer. */
  readonly keptMs: number;
  /** What rates and percentiles are over: longer than the interval in which processes write. */
  readonly windowMs: number;
  /** The share of the time that sampling may take, 0 to 1: a large project is looked at less often. */
  readonly maxShare: number;
}

const LIVE_TIMING: LiveTiming = { everyMs: 3000, keptMs: 15 * 60_000, windowMs: 15_000, maxShare: 0.02 };

/** A project with more routes and processes has curves for the first ones. */
const MAX_COLUMNS = 500;

/**
 * One project, sampled while somebody looks and for a while after, once for all who look. Nothing is kept, and nothing is
 * read, before the first one has come and {@link LiveTiming.keptMs} after the last one has gone.
 */
export class LiveProject {
  readonly #source: LiveSource;
  readonly #timing: LiveTiming;
  #seenMark = -Infinity;
  #sampling: Sampling | undefined;

  constructor(source: LiveSource, timing: Partial<LiveTiming> = {}) {
    this.#source = source;
    this.#timing = { ...LIVE_TIMING, ...timing };
  }

  /** Whether it reads the store at the moment. */
  get isSampling(): boolean {
    return this.#sampling !== undefined;
  }

  /** For one who looks now. */
  async look(): Promise<Sampling> {
    this.#seenMark = performance.now();
    this.#sampling ??= new Sampling(this.#source, this.#timing, () => this.#goesOn());
    const sampling = this.#sampling;
    await sampling.first;
    return sampling;
  }

  end(): void {
    this.#sampling?.end();
    this.#sampling = undefined;
  }

  #goesOn(): boolean {
    const goesOn = performance.now() - this.#seenMark < this.#timing.keptMs;
    if (!goesOn) this.#sampling = undefined;
    return goesOn;
  }
}

/** From the first viewer to a while after the last one. */
export class Sampling {
  /** Resolves when the store was read once, or could not be. */
  readonly first: Promise<void>;
  readonly id: string = randomBytes(6).toString('base64url');
  readonly #source: LiveSource;
  readonly #timing: LiveTiming;
  readonly #goesOn: () => boolean;
  readonly #history: History;
  readonly #window: SlidingWindow<Snapshot>;
  readonly #explorer: Explorer;
  #everyMs: number;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;
  #latest: Latest | undefined;
  #now: Now | undefined;
  #trouble: string | undefined;

  constructor(source: LiveSource, timing: LiveTiming, goesOn: () => boolean) {
    const { everyMs, keptMs, windowMs } = timing;
    const rows = Math.ceil(keptMs / everyMs);
    this.#source = source;
    this.#timing = timing;
    this.#goesOn = goesOn;
    this.#everyMs = everyMs;
    this.#history = new History(rows, MAX_COLUMNS);
    this.#window = new SlidingWindow(windowMs);
    this.#explorer = new Explorer({ exposition: source.exposition, windowMs, rows });
    this.first = this.#sample();
  }

  /** The number of the newest row. */
  get last(): number {
    return this.#history.last;
  }

  /** @param after the number of the last row that the asker has */
  answer(after: number): LiveAnswer {
    const { project, prefix, store, version } = this.#source;
    return {
      project,
      prefix,
      store,
      version,
      everyMs: this.#everyMs,
      keptMs: this.#timing.keptMs,
      trouble: this.#trouble ?? null,
      history: this.id,
      last: this.last,
      ...this.#history.after(after),
      now: this.#now ?? null,
    };
  }

  families(): FamiliesAnswer {
    return { families: this.#latest === undefined ? [] : this.#explorer.names(this.#latest) };
  }

  async family(name: string): Promise<FamilyAnswer | undefined> {
    return this.#latest && this.#explorer.family(name, this.#latest, performance.now());
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  async #sample(): Promise<void> {
    let took = 0;
    try {
      const snapshot = await this.#source.read();
      const mark = performance.now();
      await this.#take({ snapshot, mark, atMs: Date.now() });
      took = performance.now() - mark;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = reason(error);
      this.#history.add(Date.now(), new Map());
    }
    if (this.#ended || !this.#goesOn()) return;
    const { everyMs, maxShare } = this.#timing;
    this.#everyMs = Math.max(everyMs, Math.round(took / maxShare));
    this.#timer = setTimeout(() => void this.#sample(), this.#everyMs).unref();
  }

  async #take(latest: Latest): Promise<void> {
    const { snapshot, mark, atMs } = latest;
    const shown = shownPart(snapshot);
    const { before, seconds } = this.#window.add(shown, mark);
    const { live, now } = await pageView(before, shown, seconds);
    this.#history.add(atMs, rowOf(live, now));
    this.#now = withColumns({ ...now, series: seriesOf(snapshot) }, (name) => this.#history.has(name));
    this.#latest = latest;
    await this.#explorer.follow(latest);
  }
}

function seriesOf({ families }: Snapshot): number {
  return families.reduce((sum, { series }) => sum + series.length, 0);
}
