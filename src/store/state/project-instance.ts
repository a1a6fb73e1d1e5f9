import type { Attributes } from '../../model/series.js';
import type { StoredValue } from '../snapshot/stored-state.js';
import type { BatchPart } from './batch-part.js';

/** One instance: what it applied last, and what it reports. */
export class ProjectInstance {
  resource: Attributes | undefined;
  /** The last batch, and how many of its parts were applied; a batch in one piece has one. */
  sequence = 0;
  parts = 0;
  complete = true;
  /** Points of the last batch that the cap moved. */
  overflowed = 0;
  updatedAtMs = 0;
  leaseEndsAtMs = 0;
  values: readonly StoredValue[] = [];

  /** True for the part after the last one that was applied: the next of this batch, or the first of a later one. */
  expects({ sequence, part }: Pick<BatchPart, 'sequence' | 'part'>): boolean {
    if (sequence === this.sequence) return !this.complete && part === this.parts;
    return sequence > this.sequence && part === 0;
  }

  isAlive(atMs: number): boolean {
    return this.leaseEndsAtMs > atMs;
  }

  /**
   * True when nothing has to be remembered of it: its lease has ended, between two batches. A process that was suspended in
   * the middle of one goes on with the next part when it wakes up.
   */
  isOver(atMs: number): boolean {
    return !this.isAlive(atMs) && this.complete;
  }

  forgetCurrent(): void {
    this.values = [];
    this.resource = undefined;
  }
}
