import { additionsOf, type BatchPart } from './batch-part.js';

/** Additions that are kept for a replay, in numbers; about 8 MB at the most. */
const RING_NUMBERS = 500_000;

/** The same in bytes with all labels, which mostly are in memory anyway, but under changing labels are not. */
const RING_BYTES = 64 * 1024 * 1024;

/** What a point costs besides its numbers, in numbers. */
const POINT_OVERHEAD = 8;

/**
 * The latest confirmed parts of one instance: a failover, or a restart from an old backup, may lose what was confirmed.
 * Parts without additions are not kept, for current values are sent whole after a loss.
 */
export class ReplayRing {
  readonly #parts: BatchPart[] = [];
  #numbers = 0;
  #bytes = 0;
  /** Position of the newest part that is no longer here. */
  #forgotten = 0;

  push(part: BatchPart): void {
    const sections = additionsOf(part);
    if (sections.length === 0) return;
    this.#parts.push({ ...part, sections });
    this.#numbers += numbersOf(part);
    this.#bytes += part.size.bytes;
    while (this.#parts.length > 1 && (this.#numbers > RING_NUMBERS || this.#bytes > RING_BYTES))
      this.#forgetOldest();
  }

  clear(): void {
    while (this.#parts.length > 0) this.#forgetOldest();
  }

  /** What was confirmed after a position, oldest first; `complete` if nothing of it is missing. */
  after(position: number): { readonly parts: readonly BatchPart[]; readonly complete: boolean } {
    return {
      parts: this.#parts.filter((part) => (part.position ?? 0) > position),
      complete: position >= this.#forgotten,
    };
  }

  #forgetOldest(): void {
    const oldest = this.#parts.shift();
    if (oldest === undefined) return;
    this.#numbers -= numbersOf(oldest);
    this.#bytes -= oldest.size.bytes;
    this.#forgotten = oldest.position ?? 0;
  }
}

function numbersOf({ size }: BatchPart): number {
  return size.numbers + POINT_OVERHEAD * size.points;
}
