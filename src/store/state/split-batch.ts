import type { DeltaBatch, DeltaPoint, FamilyPoints } from '../../model/delta-batch.js';

/** What one part of a batch may hold. A point that exceeds a limit by itself is a part of its own. */
export interface PartLimits {
  readonly points: number;
  /** The values of all points, and one for each point. */
  readonly numbers: number;
}

/** A batch's additions in parts of bounded size, always cut in the same places. */
export function splitDeltas(
  deltas: DeltaBatch['deltas'],
  limits: PartLimits,
): Array<Array<FamilyPoints<DeltaPoint>>> {
  const parts: Array<Array<FamilyPoints<DeltaPoint>>> = [];
  let part: Array<FamilyPoints<DeltaPoint>> = [];
  let points = 0;
  let numbers = 0;
  for (const { family, points: all } of deltas) {
    let start = 0;
    for (const [index, { values }] of all.entries()) {
      if (points > 0 && (points === limits.points || numbers + values.length + 1 > limits.numbers)) {
        if (index > start) part.push({ family, points: all.slice(start, index) });
        start = index;
        parts.push(part);
        part = [];
        points = numbers = 0;
      }
      points += 1;
      numbers += values.length + 1;
    }
    if (start < all.length) part.push({ family, points: start === 0 ? all : all.slice(start) });
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
