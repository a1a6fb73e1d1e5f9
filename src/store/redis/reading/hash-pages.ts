import { buffers, type Command } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';

/** A hash: fields and values in turn. */
export type Fields = ReadonlyArray<Buffer | null>;

/** Entries that Redis hands over in one round trip, in about a millisecond. */
const TRIP_ENTRIES = 2000;
const TRIP_COMMANDS = 200;

/** A larger hash is read in pages of this many entries. */
const PAGE_ENTRIES = 1000;

/** What is assumed of a hash that was not read before. */
const UNKNOWN_ENTRIES = 100;

/** One hash that is being read. */
interface Reading {
  readonly key: string;
  cursor: string;
  /** Undefined if the key is no hash. */
  fields: Fields | undefined;
  /** Of several pages; an entry may come twice while Redis resizes the hash. */
  entries: Map<string, readonly [field: Buffer | null, value: Buffer | null]>;
  /** Read in one piece. */
  whole: boolean;
}

/** Reads whole hashes, so that neither a large one nor many small ones hold Redis for long. */
export class HashPages {
  readonly #connection: RedisConnection;
  /** Number of entries when it was read last, by key. */
  #entries: ReadonlyMap<string, number> = new Map();

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** In the order of the keys. A key that does not exist is an empty hash; one of another type is undefined. */
  async read(keys: readonly string[]): Promise<Array<Fields | undefined>> {
    const hashes = keys.map((key): Reading => {
      const whole = (this.#entries.get(key) ?? Infinity) <= PAGE_ENTRIES;
      return { key, cursor: '0', fields: [], entries: new Map(), whole };
    });
    let waiting = hashes;
    while (waiting.length > 0) {
      const trip = waiting.slice(0, this.#tripLength(waiting));
      const replies = await this.#connection.read(trip.map(commandOf));
      for (const [index, hash] of trip.entries()) take(hash, replies[index]);
      waiting = [...trip.filter(({ cursor }) => cursor !== ''), ...waiting.slice(trip.length)];
    }
    this.#entries = new Map(hashes.map(({ key, fields }) => [key, (fields?.length ?? 0) / 2]));
    return hashes.map(({ fields }) => fields);
  }

  /** How many of those that wait are read in the next round trip. */
  #tripLength(waiting: readonly Reading[]): number {
    let entries = 0;
    let length = 0;
    for (const { key } of waiting) {
      entries += Math.min(this.#entries.get(key) ?? UNKNOWN_ENTRIES, PAGE_ENTRIES);
      if (length > 0 && (entries > TRIP_ENTRIES || length === TRIP_COMMANDS)) break;
      length += 1;
    }
    return length;
  }
}

function commandOf({ key, cursor, whole }: Reading): Command {
  return whole ? ['HGETALL', key] : ['HSCAN', key, cursor, 'COUNT', PAGE_ENTRIES];
}

/** Adds a reply to what was read; the cursor is empty at the end. */
function take(hash: Reading, reply: unknown): void {
  if (reply instanceof Error && hash.cursor !== '0' && reply.message.startsWith('ASK')) {
    // The key has moved to another node, which knows nothing of the cursor.
    Object.assign(hash, { cursor: '0', fields: [], whole: true });
  } else if (reply instanceof Error) {
    Object.assign(hash, { cursor: '', fields: undefined });
  } else if (hash.whole) {
    Object.assign(hash, { cursor: '', fields: buffers(reply) });
  } else {
    const [cursor, page] = Array.isArray(reply) ? (reply as [Buffer, unknown]) : [];
    const fields = buffers(page);
    const next = cursor?.toString() ?? '0';
    if (hash.cursor === '0' && next === '0') {
      hash.fields = fields;
    } else {
      for (let index = 0; index + 1 < fields.length; index += 2)
        hash.entries.set(fields[index]?.toString('latin1') ?? '', [
          fields[index] ?? null,
          fields[index + 1] ?? null,
        ]);
      if (next === '0') hash.fields = [...hash.entries.values()].flat();
    }
    hash.cursor = next === '0' ? '' : next;
  }
}
