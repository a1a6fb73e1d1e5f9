import type { Snapshot } from '../model/snapshot.js';

interface Taken {
  readonly snapshot: Snapshot;
  /** On a clock that nobody sets, milliseconds. */
  readonly mark: number;
}

/**
 * Snapshots of the last while. Processes write every few seconds, so that a shorter time shows all or nothing of what they
 * count: rates are over the whole window.
 */
export class SlidingWindow<View> {
  readonly #lengthMs: number;
  readonly #view: (before: Snapshot, after: Snapshot, seconds: number) => View;
  #taken: readonly Taken[] = [];

  /** @param view what happened between two snapshots, so many seconds apart */
  constructor(lengthMs: number, view: (before: Snapshot, after: Snapshot, seconds: number) => View) {
    this.#lengthMs = lengthMs;
    this.#view = view;
  }

  /** Takes the newest snapshot, and shows what happened since the oldest one. Before there are two, nothing has happened. */
  add(snapshot: Snapshot, mark: number): View {
    const since = mark - this.#lengthMs;
    // The newest of those that are older is kept too, so that the window is always whole.
    const first = this.#taken.findLastIndex((one) => one.mark <= since);
    this.#taken = [...this.#taken.slice(Math.max(0, first)), { snapshot, mark }];
    const [oldest = { snapshot, mark }] = this.#taken;
    return this.#view(oldest.snapshot, snapshot, (mark - oldest.mark) / 1000);
  }
}
