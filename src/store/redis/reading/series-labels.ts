import type { Step } from '../../../event-loop/fair-yield.js';
import type { Series } from '../../../model/series.js';
import { buffers, type Command } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';
import type { SeriesById } from './decode.js';
import { readSeries } from './stored-text.js';
import type { UnreadableEntries } from './unreadable-entries.js';

/** Labels that are asked for in one round trip, about half a millisecond of Redis. */
const TRIP_LABELS = 1000;

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
      for (let from = 0; from < unknown.length; from += TRIP_LABELS)
        missing.push({ family, ids: unknown.slice(from, from + TRIP_LABELS), into });
    }
    for (const trip of trips(missing)) await this.#readTrip(trip, step);
    this.#series = series;
    return series;
  }

  async #readTrip(trip: readonly Missing[], step: Step): Promise<void> {
    const replies = await this.#connection.read(
      trip.map(({ family, ids }): Command => ['HMGET', this.#keys.labels(family), ...ids]),
    );
    for (const [index, { family, ids, into }] of trip.entries()) {
      const texts = buffers(replies[index]);
      if (replies[index] instanceof Error) this.#unreadable.add(this.#keys.labels(family));
      for (const [at, id] of ids.entries()) {
        const turn = step();
        if (turn !== undefined) await turn;
        const text = texts[at];
        // A series without labels was deleted between two reads; the next scrape does not see it either.
        if (!text) continue;
        const series = readSeries(id, text.toString());
        if (series === undefined) this.#unreadable.add(this.#keys.labels(family), id);
        else into.set(id, series);
      }
    }
  }
}

function trips(missing: readonly Missing[]): Missing[][] {
  const all: Missing[][] = [];
  let labels = Infinity;
  for (const some of missing) {
    labels += some.ids.length;
    if (labels > TRIP_LABELS) {
      all.push([]);
      labels = some.ids.length;
    }
    all.at(-1)?.push(some);
  }
  return all;
}
