import type { FamilyPoints } from '../../../model/delta-batch.js';
import type { Family } from '../../../model/family.js';
import { type PartSize, type SizedPart, splitPoints } from '../../state/split-batch.js';
import type { BatchSection, SectionPoint } from '../scripts/batch-section.js';
import type { BatchPart } from './batch-part.js';
import type { DroppedPoints } from './dropped-points.js';
import { MAX_POINT_BYTES, PART_LIMITS, PART_MEASURE, type PartItem } from './part-size.js';

/** A service that refuses parts of this size refuses everything. */
const MIN_PART_BYTES = 16 * 1024;

/** Makes parts that Redis can apply in about a millisecond, and leaves out what cannot be sent at all. */
export class PartMaker {
  readonly #dropped: DroppedPoints;
  #limits: PartSize = PART_LIMITS;

  constructor(dropped: DroppedPoints) {
    this.#dropped = dropped;
  }

  parts(families: ReadonlyArray<FamilyPoints<PartItem>>): BatchPart[] {
    const parts: BatchPart[] = [];
    for (const part of splitPoints(families, this.#limits, PART_MEASURE)) {
      // A point that is too large is alone in its part.
      if (part.size.bytes > MAX_POINT_BYTES) this.#drop(part);
      else parts.push(partOf(part));
    }
    return parts;
  }

  /** A part's own sections first, then as much else as still fits; the rest as parts of their own. */
  fillUp(part: BatchPart, more: ReadonlyArray<FamilyPoints<PartItem>>): readonly BatchPart[] {
    const [filled, ...rest] = splitPoints(
      [...itemsOf(part.sections), ...more],
      largest(this.#limits, part.size),
      PART_MEASURE,
    ).filter(({ size }) => size.bytes <= MAX_POINT_BYTES);
    return filled === undefined ? [part] : [partOf(filled), ...rest.map(partOf)];
  }

  /** For a part that Redis, or a service in front of it, refuses for its size: the same in smaller parts. */
  divide({ sections, size }: BatchPart): BatchPart[] {
    const half: PartSize = {
      families: Math.max(1, Math.ceil(size.families / 2)),
      points: Math.max(1, Math.ceil(size.points / 2)),
      numbers: Infinity,
      bytes: Math.ceil(size.bytes / 2),
    };
    this.#limits = {
      ...this.#limits,
      bytes: Math.max(Math.min(half.bytes, this.#limits.bytes), MIN_PART_BYTES),
    };
    return splitPoints(itemsOf(sections), half, PART_MEASURE).map(partOf);
  }

  #drop({ families }: SizedPart<PartItem>): void {
    const why = `a point of more than ${MAX_POINT_BYTES / 1024} KiB is too large to send`;
    for (const { family, points } of families) this.#dropped.add(family.name, why, points.length);
  }
}

function largest(a: PartSize, b: PartSize): PartSize {
  return {
    families: Math.max(a.families, b.families),
    points: Math.max(a.points, b.points),
    numbers: Math.max(a.numbers, b.numbers),
    bytes: Math.max(a.bytes, b.bytes),
  };
}

function partOf({ families, size }: SizedPart<PartItem>): BatchPart {
  return { sections: families.map(sectionOf), size, position: undefined };
}

function sectionOf({ family, points: items }: FamilyPoints<PartItem>): BatchSection {
  const mode = modeOf(family);
  if (mode === 'd' || mode === 'e') return { family, mode, points: items.filter(isPoint), removed: [] };
  return {
    family,
    mode,
    points: items.filter(isPoint),
    removed: items.filter((item) => typeof item === 'string'),
  };
}

function isPoint(item: PartItem): item is SectionPoint {
  return typeof item !== 'string';
}

function itemsOf(sections: readonly BatchSection[]): Array<FamilyPoints<PartItem>> {
  return sections.map(({ family, points, removed }) => ({
    family,
    points: removed.length === 0 ? points : [...points, ...removed],
  }));
}

function modeOf({ aggregation, type }: Family): BatchSection['mode'] {
  if (aggregation === undefined) return type === 'exponentialhistogram' ? 'e' : 'd';
  return aggregation === 'keep' ? 'k' : 'c';
}
