import type { Snapshot } from '../model/snapshot.js';
import { liveView, type LiveView } from './live-view.js';

interface Taken {
  readonly snapshot: Snapshot;
  /** On a clock that nobody sets, milliseconds. */
  readonly mark: number;
}

/**
 * Snapshots of the last while. Processes write every few seconds, so that a shorter time shows all or nothing of what they
 * count: rates are over the whole window.
 */
export class SlidingWindow {
  readonly #lengthMs: number;
  #taken: readonly Taken[] = [];

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Takes the newest snapshot, and shows what happened since the oldest one. Before there are two, nothing has happened. */
  add(snapshot: Snapshot, mark: number): LiveView {
    const since = mark - this.#lengthMs;
    const kept = this.#taken.filter((one) => one.mark >= since);
    // One that is older, so that the window is always whole.
    const before = this.#taken.findLast((one) => one.mark < since);
    this.#taken = [...(before === undefined ? [] : [before]), ...kept, { snapshot, mark }];
    const [oldest = { snapshot, mark }] = this.#taken;
    return liveView(oldest.snapshot, snapshot, (mark - oldest.mark) / 1000);
  }
}
