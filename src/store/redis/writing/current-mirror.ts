import { recordedSince } from '../../state/recorded-since.js';
import { capCurrentPoints } from '../../state/cap-current-values.js';
import type { StoredValue } from '../../snapshot/stored-state.js';
import type { CurrentPoint, DeltaBatch, FamilyPoints } from '../../../model/delta-batch.js';
import type { Family } from '../../../model/family.js';
import type { RefusedPoint } from '../scripts/apply.js';
import type { SectionPoint } from '../scripts/batch-section.js';
import type { PartItem } from './part-size.js';

interface Entry extends SectionPoint {
  readonly value: number;
  readonly changedMark: number;
  readonly sentMark: number;
}

interface Mirrored {
  readonly family: Family;
  readonly entries: Map<string, Entry>;
}

/** What Redis holds, or is about to hold, of this instance's current values; so that only changes are sent. */
export class CurrentMirror {
  readonly #families = new Map<string, Mirrored>();
  /** Series that the project's cap did not admit, by family; their values go into the overflow series. */
  readonly #beyond = new Map<string, Set<string>>();
  readonly #refreshMs: number;
  #admittedMark = 0;
  #wipedMark = Number.NEGATIVE_INFINITY;
  #latest: DeltaBatch | undefined;

  /** @param refreshMs an unchanged value is sent again after this long, so that its series does not expire while it lives */
  constructor(refreshMs: number) {
    this.#refreshMs = refreshMs;
  }

  /** Takes over a batch's current values; returns what changed, and the ids of what is no longer reported. */
  change(batch: DeltaBatch): Array<FamilyPoints<PartItem>> {
    this.#latest = batch;
    const now = batch.collectedAt;
    const current = recordedSince(batch.current, now, this.#wipedMark);
    if (now - this.#admittedMark > this.#refreshMs) {
      // Expired series may have made room in the meantime.
      this.#beyond.clear();
      this.#admittedMark = now;
    }
    const changes: Array<FamilyPoints<PartItem>> = [];
    const reported = new Set<string>();
    for (const { family, points } of current) {
      reported.add(family.key);
      changes.push({ family, points: this.#changeFamily(family, points, now) });
    }
    for (const [key, { family }] of this.#families) {
      if (reported.has(key)) continue;
      changes.push({ family, points: this.#changeFamily(family, [], now) });
      this.#families.delete(key);
      this.#beyond.delete(key);
    }
    return changes.filter(({ points }) => points.length > 0);
  }

  /** Leaves out what was recorded before the project was wiped, by `performance.now()`. */
  forgetBefore(wipedMark: number): void {
    this.#wipedMark = wipedMark;
    if (this.#latest !== undefined) this.change(this.#latest);
  }

  /** Everything, for an instance that Redis does not know. */
  all(): Array<FamilyPoints<PartItem>> {
    const all = Array.from(this.#families.values(), ({ family, entries }) => ({
      family,
      points: [...entries.values()],
    }));
    return all.filter(({ points }) => points.length > 0);
  }

  /** Notes what the cap refused; {@link change} then puts those values into the overflow series. */
  overflow(refused: readonly RefusedPoint[]): void {
    for (const { section, id } of refused) {
      if (section === undefined) continue;
      const { key } = section.family;
      let ids = this.#beyond.get(key);
      if (ids === undefined) this.#beyond.set(key, (ids = new Set()));
      ids.add(id);
    }
    for (const [key, ids] of this.#beyond) for (const id of ids) this.#families.get(key)?.entries.delete(id);
  }

  #changeFamily(family: Family, points: readonly CurrentPoint[], now: number): PartItem[] {
    let mirrored = this.#families.get(family.key);
    if (mirrored === undefined) this.#families.set(family.key, (mirrored = { family, entries: new Map() }));
    const { entries } = mirrored;
    const changed: PartItem[] = [];
    const seen = new Set<string>();
    const values = this.#capped(family, points, now);
    for (const { series, value, recordedAtMs: changedMark } of values) {
      seen.add(series.id);
      const before = entries.get(series.id);
      const same =
        before !== undefined && Object.is(before.value, value) && changedMark - before.changedMark < 1;
      if (same && now - before.sentMark < this.#refreshMs) continue;
      const entry = { series, value, changedMark, sentMark: now };
      entries.set(series.id, entry);
      changed.push(entry);
    }
    for (const id of entries.keys()) {
      if (seen.has(id)) continue;
      entries.delete(id);
      if (family.aggregation !== 'keep') changed.push(id);
    }
    return changed;
  }

  /** What the cap refused goes into the overflow series. Only what is still reported is remembered as refused. */
  #capped(family: Family, points: readonly CurrentPoint[], now: number): readonly StoredValue[] {
    const before = this.#beyond.get(family.key);
    if (before === undefined) return capCurrentPoints(family, points, now, () => true).values;
    const beyond = new Set<string>();
    const { values } = capCurrentPoints(family, points, now, ({ id }) => {
      const refused = before.has(id);
      if (refused) beyond.add(id);
      return !refused;
    });
    this.#beyond.set(family.key, beyond);
    return values;
  }
}
