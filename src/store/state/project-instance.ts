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
  expects({ sequence, part }: BatchPart): boolean {
    if (sequence === this.sequence) return !this.complete && part === this.parts;
    return sequence > this.sequence && part === 0;
  }

  isAlive(atMs: number): boolean {
    return this.leaseEndsAtMs > atMs;
  }

  /** Of an instance that is gone, only the sequence is remembered: there may be many of them, of jobs that run for a second. */
  forgetCurrent(): void {
    this.values = [];
    this.resource = undefined;
  }

  /** True while there is something that {@link forgetCurrent} would forget. */
  get hasCurrent(): boolean {
    return this.values.length > 0 || this.resource !== undefined;
  }
}
