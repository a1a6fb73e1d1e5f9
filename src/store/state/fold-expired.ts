import type { DeltaPoint, FamilyPoints } from '../../model/delta-batch.js';
import { convertValues, isNothing, negateValues } from '../../model/values.js';
import { expiredMembers } from '../snapshot/living-partners.js';
import { type ShownAs } from '../../model/shown-as.js';
import type { StoredFamily } from '../snapshot/stored-state.js';

/** Additions that have to be applied in one step. */
export type Step = ReadonlyArray<FamilyPoints<DeltaPoint>>;

/**
 * What has to be added before a sweep so that no sum falls: the values of each expired series are moved to the living one
 * with which it is shown. They are added there and taken away here in one step, so that the sum is right in between, and
 * even if two processes do it at the same time: a later sweep moves back what was taken away twice.
 */
export async function foldExpired(
  families: readonly StoredFamily[],
  shownAs: ShownAs,
  expiredAtMs: number,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const { family, stored, partner } of await expiredMembers(families, shownAs, expiredAtMs)) {
    const { series, values } = stored;
    if (isNothing(family, values)) continue;
    const moved = convertValues(values, family, partner.family, partner.stored.values);
    steps.push([
      { family: partner.family, points: [{ series: partner.stored.series, values: moved }] },
      { family, points: [{ series, values: negateValues(family, values) }] },
    ]);
  }
  return steps;
}

/** What a point takes at least, in numbers of eight bytes: its id, its place in a message, the work that it makes. */
const MIN_POINT_NUMBERS = 25;

/** Several steps as one, up to a size in numbers of eight bytes; a step by itself may be larger. */
export function joinSteps(steps: readonly Step[], maxNumbers: number): Step[] {
  const joined: Step[] = [];
  let families = new Map<
    string,
    { readonly family: FamilyPoints<DeltaPoint>['family']; readonly points: DeltaPoint[] }
  >();
  let numbers = 0;
  const end = (): void => {
    if (families.size > 0) joined.push([...families.values()]);
    families = new Map();
    numbers = 0;
  };
  for (const step of steps) {
    let size = 0;
    for (const { points } of step) for (const point of points) size += sizeOf(point);
    if (numbers + size > maxNumbers) end();
    numbers += size;
    for (const { family, points } of step) {
      const before = families.get(family.key);
      if (before === undefined) families.set(family.key, { family, points: [...points] });
      else before.points.push(...points);
    }
  }
  end();
  return joined;
}

function sizeOf({ series, values }: DeltaPoint): number {
  let characters = 0;
  for (const [key, value] of series.attributes) characters += key.length + value.length;
  return Math.max(MIN_POINT_NUMBERS, values.length + Math.ceil(characters / 8));
}
