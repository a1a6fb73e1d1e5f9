import type { PartSize } from '../../state/split-batch.js';
import type { BatchSection } from '../scripts/batch-section.js';

/** What one script call applies. */
export interface BatchPart {
  readonly sections: readonly BatchSection[];
  readonly size: PartSize;
  /** Given when the part is first sent, and kept until Redis has answered: by it Redis knows the part again. */
  position: number | undefined;
}

/** Of one batch: exact in a double for 2^37 batches. */
const PARTS = 65_536;

/** By which Redis knows a part again; ascending within a lease. */
export function positionOf(sequence: number, index: number): number {
  return sequence * PARTS + index;
}

/** What is added up, as opposed to current values. */
export function additionsOf({ sections }: BatchPart): BatchSection[] {
  return sections.filter(({ family }) => family.aggregation === undefined);
}
