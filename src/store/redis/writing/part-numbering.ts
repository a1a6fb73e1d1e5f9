import type { DeltaBatch, DeltaPoint, FamilyPoints } from '../../../model/delta-batch.js';
import { splitDeltas } from '../../state/split-batch.js';
import { PART_POINTS, type BatchPart, type BatchSection } from './batch-part.js';

/** Series of many buckets are cut earlier, so that they hold Redis no longer. */
const PART_LIMITS = { points: PART_POINTS, numbers: 20_000 };

/** `position = sequence * PARTS + part`: exact in a double for 2^37 batches of up to 65,536 parts. */
const PARTS = 65_536;

/** Cuts the batches of one instance into parts and numbers these, so that Redis knows each again. */
export class PartNumbering {
  /** Of the last part that was made. */
  #position = 0;
  #next = 0;

  /** @param current changed values, in portions for one part each */
  split({ sequence, deltas }: DeltaBatch, current: ReadonlyArray<readonly BatchSection[]>): BatchPart[] {
    this.#next = sequence * PARTS;
    const additions = splitDeltas(deltas, PART_LIMITS).map((families) => families.map(sectionOf));
    // The first changed values travel with the last additions. A part without anything is a sign of life.
    const last = additions.pop() ?? [];
    const [first = [], ...more] = current;
    return [
      ...additions.map((sections) => this.#part(sections, [])),
      this.#part(last, first),
      ...this.number(more),
    ];
  }

  /** Parts that carry nothing but current values. */
  number(current: ReadonlyArray<readonly BatchSection[]>): BatchPart[] {
    return current.map((sections) => this.#part([], sections));
  }

  #part(deltas: readonly BatchSection[], current: readonly BatchSection[]): BatchPart {
    const previous = this.#position;
    this.#position = this.#next++;
    return { position: this.#position, previous, deltas, current };
  }
}

function sectionOf({ family, points }: FamilyPoints<DeltaPoint>): BatchSection {
  const mode = family.type === 'exponentialhistogram' ? 'e' : 'd';
  const width = points.reduce((widest, { values }) => Math.max(widest, values.length), 0);
  return { family, mode, width, points, removed: [] };
}
