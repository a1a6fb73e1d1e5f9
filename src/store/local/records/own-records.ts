import type { ProjectInstance } from '../../state/project-instance.js';
import type { LogRecord } from '../log-record.js';

/** A batch of an instance that is in the log as a whole. */
export interface AppliedBatch {
  readonly sequence: number;
  /** Points that the cap moved. */
  readonly overflowed: number;
}

/** The numbers of one instance's records, by which it recognizes them when it reads the log. */
export class OwnRecords {
  #written = 0;
  /** The last one that took effect. */
  #executed = 0;
  #applied: AppliedBatch = { sequence: 0, overflowed: 0 };
  /** Under which they were written. */
  readonly #leases = new Set<string>();

  /** Of the last one that was written. */
  get written(): number {
    return this.#written;
  }

  /** True if one was written, or is about to be, and has not been read. */
  get isPending(): boolean {
    return this.#executed !== this.#written;
  }

  /** The number of the next record. */
  begin(lease: string): number {
    this.#leases.add(lease);
    this.#written += 1;
    return this.#written;
  }

  /** Leaves numbers to somebody else who writes for this instance. */
  leave(numbers: number): void {
    this.#written += numbers;
  }

  /**
   * The last batch. Remembered here because the project forgets an instance when its lease is over.
   *
   * @param own what the project has of the instance
   */
  applied(own: ProjectInstance | undefined): AppliedBatch {
    return own?.complete === true && own.sequence > this.#applied.sequence ? own : this.#applied;
  }

  /** Takes note of a record that was read, if it is of this instance. */
  note({ lease, number }: LogRecord, own: ProjectInstance | undefined): void {
    if (!this.#leases.has(lease)) return;
    this.#executed = number;
    const { sequence, overflowed } = this.applied(own);
    this.#applied = { sequence, overflowed };
  }
}
