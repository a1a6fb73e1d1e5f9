import type { FamilyPoints } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';

/** How large a part of a batch is, or may be. */
export interface PartSize {
  readonly families: number;
  readonly points: number;
  /** Numbers of all points. */
  readonly numbers: number;
  readonly bytes: number;
}

/** What the points of a batch take of a part. */
export interface Measure<Point> {
  readonly numbers: (point: Point) => number;
  readonly bytes: (point: Point) => number;
  /** Of a family besides its points, in each part that has some of them. */
  readonly familyBytes: (family: Family) => number;
}

export interface SizedPart<Point> {
  readonly families: ReadonlyArray<FamilyPoints<Point>>;
  readonly size: PartSize;
}

/**
 * Points in parts of bounded size, in their order, and always cut in the same places. A point that exceeds a limit by itself
 * is a part of its own. A family appears once in a part, also one without points.
 */
export function splitPoints<Point>(
  families: ReadonlyArray<FamilyPoints<Point>>,
  limits: PartSize,
  measure: Measure<Point>,
): Array<SizedPart<Point>> {
  const splitter = new Splitter(limits, measure);
  for (const { family, points } of families) splitter.add(family, points);
  return splitter.end();
}

class Splitter<Point> {
  readonly #limits: PartSize;
  readonly #measure: Measure<Point>;
  readonly #parts: Array<SizedPart<Point>> = [];
  #families: Array<FamilyPoints<Point>> = [];
  #points = 0;
  #numbers = 0;
  #bytes = 0;

  constructor(limits: PartSize, measure: Measure<Point>) {
    this.#limits = limits;
    this.#measure = measure;
  }

  add(family: Family, points: readonly Point[]): void {
    const familyBytes = this.#measure.familyBytes(family);
    let from = 0;
    let isOpen = false;
    for (const [index, point] of points.entries()) {
      const numbers = this.#measure.numbers(point);
      const bytes = this.#measure.bytes(point);
      if (isOpen && !this.#fits(0, numbers, bytes)) {
        this.#families.push({ family, points: points.slice(from, index) });
        this.#cut();
        isOpen = false;
        from = index;
      }
      if (!isOpen) {
        if (!this.#fits(1, numbers, familyBytes + bytes)) this.#cut();
        this.#bytes += familyBytes;
        isOpen = true;
      }
      this.#points += 1;
      this.#numbers += numbers;
      this.#bytes += bytes;
    }
    if (points.length === 0) {
      if (!this.#fits(1, 0, familyBytes)) this.#cut();
      this.#bytes += familyBytes;
    }
    this.#families.push({ family, points: from === 0 ? points : points.slice(from) });
  }

  end(): Array<SizedPart<Point>> {
    this.#cut();
    return this.#parts;
  }

  #fits(families: number, numbers: number, bytes: number): boolean {
    return (
      this.#families.length + families <= this.#limits.families &&
      this.#points + 1 <= this.#limits.points &&
      this.#numbers + numbers <= this.#limits.numbers &&
      this.#bytes + bytes <= this.#limits.bytes
    );
  }

  #cut(): void {
    if (this.#families.length === 0) return;
    const { length } = this.#families;
    const size = { families: length, points: this.#points, numbers: this.#numbers, bytes: this.#bytes };
    this.#parts.push({ families: this.#families, size });
    this.#families = [];
    this.#points = this.#numbers = this.#bytes = 0;
  }
}
