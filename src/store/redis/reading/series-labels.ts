import type { Step } from '../../../event-loop/fair-yield.js';
import type { Series } from '../../../model/series.js';
import { buffers, type Command } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';
import type { SeriesById } from './decode.js';
import { readSeries } from './stored-text.js';
import type { UnreadableEntries } from '../../unreadable-entries.js';

/** Labels that are asked for in one round trip, about half a millisecond of Redis, and their size. */
const TRIP_LABELS = 1000;
const TRIP_BYTES = 256 * 1024;

/** What is assumed of labels before any were read: 200 of them in a first round trip. */
const UNKNOWN_BYTES = TRIP_BYTES / 200;

/** Ids of one family whose labels are to be read. */
interface Missing {
  readonly family: string;
  readonly ids: readonly string[];
  readonly into: Map<string, Series>;
}

/** Labels of series, decoded once and kept as long as they are in use. */
export class SeriesLabels {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #unreadable: UnreadableEntries;
  #series: SeriesById = new Map();
  /** Of the labels of one series, as they were lately. */
  #labelBytes = UNKNOWN_BYTES;

  constructor(connection: RedisConnection, keys: RedisKeys, unreadable: UnreadableEntries) {
    this.#connection = connection;
    this.#keys = keys;
    this.#unreadable = unreadable;
  }

  /** All that are wanted. Those that were seen before are not read again, and those no longer in use are forgotten. */
  async read(wanted: ReadonlyMap<string, ReadonlySet<string>>, step: Step): Promise<SeriesById> {
    // Two snapshots may be under way at once; neither may see what the other one has not filled yet.
    const series = new Map<string, ReadonlyMap<string, Series>>();
    const missing: Missing[] = [];
    for (const [family, ids] of wanted) {
      const known = this.#series.get(family);
      const unknown: string[] = [];
      for (const id of ids) {
        const turn = step();
        if (turn !== undefined) await turn;
        if (known?.has(id) !== true) unknown.push(id);
      }
      // Mostly nothing has come or gone: what is not made anew is no garbage.
      if (known !== undefined && unknown.length === 0 && known.size === ids.size) {
        series.set(family, known);
        continue;
      }
      const into = new Map<string, Series>();
      for (const [id, one] of known ?? []) if (ids.has(id)) into.set(id, one);
      series.set(family, into);
      if (unknown.length > 0) missing.push({ family, ids: unknown, into });
    }
    for (let rest = missing; rest.length > 0;) {
      const labels = Math.max(1, Math.min(TRIP_LABELS, Math.floor(TRIP_BYTES / this.#labelBytes)));
      const [trip, behind] = divide(rest, labels);
      await this.#readTrip(trip, step);
      rest = behind;
    }
    this.#series = series;
    return series;
  }

  async #readTrip(trip: readonly Missing[], step: Step): Promise<void> {
    const replies = await this.#connection.read(
      trip.map(({ family, ids }): Command => ['HMGET', this.#keys.labels(family), ...ids]),
    );
    let bytes = 0;
    let count = 0;
    for (const [index, { family, ids, into }] of trip.entries()) {
      const texts = buffers(replies[index]);
      if (replies[index] instanceof Error) this.#unreadable.key(this.#keys.labels(family));
      for (const [at, id] of ids.entries()) {
        const turn = step();
        if (turn !== undefined) await turn;
        const text = texts[at];
        // A series without labels was deleted between two reads; the next scrape does not see it either.
        if (!text) continue;
        bytes += text.length;
        count += 1;
        const series = readSeries(id, text.toString());
        if (series === undefined) this.#unreadable.entry(this.#keys.labels(family), id);
        else into.set(id, series);
      }
    }
    if (count > 0) this.#labelBytes = Math.ceil(bytes / count);
  }
}

/** The first `count` ids, of as many families as that takes, and the rest. */
function divide(missing: readonly Missing[], count: number): [first: Missing[], rest: Missing[]] {
  const first: Missing[] = [];
  const rest: Missing[] = [];
  let left = count;
  for (const { family, ids, into } of missing) {
    const taken = Math.min(left, ids.length);
    left -= taken;
    if (taken > 0) first.push({ family, ids: ids.slice(0, taken), into });
    if (taken < ids.length) rest.push({ family, ids: ids.slice(taken), into });
  }
  return [first, rest];
}
