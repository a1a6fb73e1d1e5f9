import { capCurrentPoints } from '../state/cap-current-values.js';
import type { StoredValue } from '../snapshot/stored-state.js';
import type { CurrentPoint, DeltaBatch } from '../../model/delta-batch.js';
import type { Family } from '../../model/family.js';
import { PART_POINTS, type Block, type BlockPoint } from './batch-part.js';

interface Entry extends BlockPoint {
  readonly value: number;
  readonly changedAt: number;
  readonly sentAt: number;
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
  #admittedAt = 0;

  /** @param refreshMs an unchanged value is sent again after this long, so that its series does not expire while it lives */
  constructor(refreshMs: number) {
    this.#refreshMs = refreshMs;
  }

  /** Takes over a batch's current values; returns what changed, in portions for one part each. */
  change({ current, collectedAt: now }: DeltaBatch): Block[][] {
    if (now - this.#admittedAt > this.#refreshMs) {
      // Room may have come free in the meantime.
      this.#beyond.clear();
      this.#admittedAt = now;
    }
    const changes: Block[] = [];
    const reported = new Set<string>();
    for (const { family, points } of current) {
      reported.add(family.key);
      changes.push(...this.#changeFamily(family, points, now));
    }
    for (const [key, { family }] of this.#families) {
      if (reported.has(key)) continue;
      changes.push(...this.#changeFamily(family, [], now));
      this.#families.delete(key);
      this.#beyond.delete(key);
    }
    return portions(changes);
  }

  /** Everything, for an instance that Redis does not know; in portions for one part each. */
  all(): Block[][] {
    return portions(
      [...this.#families.values()].flatMap(({ family, entries }) =>
        blocks(family, [...entries.values()], []),
      ),
    );
  }

  /**
   * Notes what the cap refused: pairs of block index and series id, as the script answers. Returns the number of points.
   * {@link change} then puts their values into the overflow series.
   */
  overflow(sent: readonly Block[], refused: readonly unknown[]): number {
    if (refused.length === 0) return 0;
    for (let index = 0; index < refused.length; index += 2) {
      const family = sent[Number(refused[index]) - 1]?.family;
      if (family === undefined) continue;
      const id = String(refused[index + 1]);
      let ids = this.#beyond.get(family.key);
      if (ids === undefined) this.#beyond.set(family.key, (ids = new Set()));
      ids.add(id);
    }
    for (const [key, ids] of this.#beyond) for (const id of ids) this.#families.get(key)?.entries.delete(id);
    return refused.length / 2;
  }

  #changeFamily(family: Family, points: readonly CurrentPoint[], now: number): Block[] {
    let mirrored = this.#families.get(family.key);
    if (mirrored === undefined) this.#families.set(family.key, (mirrored = { family, entries: new Map() }));
    const { entries } = mirrored;
    const changed: Entry[] = [];
    const seen = new Set<string>();
    const values = this.#capped(family, points, now);
    for (const { series, value, recordedAtMs: changedAt } of values) {
      seen.add(series.id);
      const before = entries.get(series.id);
      const same = before !== undefined && Object.is(before.value, value) && changedAt - before.changedAt < 1;
      if (same && now - before.sentAt < this.#refreshMs) continue;
      const entry = { series, value, changedAt, sentAt: now };
      entries.set(series.id, entry);
      changed.push(entry);
    }
    const removed: string[] = [];
    for (const id of entries.keys()) {
      if (seen.has(id)) continue;
      entries.delete(id);
      if (family.aggregation !== 'keep') removed.push(id);
    }
    return blocks(family, changed, removed);
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

function blocks(family: Family, points: readonly Entry[], removed: readonly string[]): Block[] {
  const mode = family.aggregation === 'keep' ? 'k' : 'c';
  const result: Block[] = [];
  for (let from = 0; from < Math.max(points.length, removed.length); from += PART_POINTS) {
    result.push({
      family,
      mode,
      width: 2,
      points: points.slice(from, from + PART_POINTS),
      removed: removed.slice(from, from + PART_POINTS),
    });
  }
  return result;
}

/** Blocks in groups of about {@link PART_POINTS}, in their order. */
function portions(all: readonly Block[]): Block[][] {
  const groups: Block[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const block of all) {
    const added = block.points.length + block.removed.length;
    if (size + added > PART_POINTS) {
      groups.push([]);
      size = 0;
    }
    groups.at(-1)?.push(block);
    size += added;
  }
  return groups;
}
