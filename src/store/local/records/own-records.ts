import type { LogRecord } from '../log-record.js';

/** The numbers of one instance's records, by which it recognizes them when it reads the log. */
export class OwnRecords {
  #written = 0;
  /** The last one that took effect. */
  #executed = 0;
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

  /** Takes note of a record that was read. Returns whether it is of this instance. */
  note({ lease, number }: LogRecord): boolean {
    if (!this.#leases.has(lease)) return false;
    this.#executed = number;
    return true;
  }
}
