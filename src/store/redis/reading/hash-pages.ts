import type { RedisConnection } from '../connection/connection.js';
import { HashReading, type HashSize, type Fields } from './hash-reading.js';

/** What Redis hands over in one round trip, in a millisecond or two. */
const TRIP_BYTES = 512 * 1024;
const TRIP_COMMANDS = 200;

/** Reads whole hashes, so that neither a large one nor many small ones hold Redis for long. */
export class HashPages {
  readonly #connection: RedisConnection;
  /** By key, of the hashes that were read last. */
  #sizes: ReadonlyMap<string, HashSize> = new Map();

  constructor(connection: RedisConnection) {
    this.#connection = connection;
  }

  /** In the order of the keys. A key that does not exist is an empty hash; one of another type is undefined. */
  async read(keys: readonly string[]): Promise<Array<Fields | undefined>> {
    const hashes = keys.map((key) => new HashReading(key, this.#sizes.get(key)));
    let waiting = hashes;
    while (waiting.length > 0) {
      const trip = waiting.slice(0, tripLength(waiting));
      const replies = await this.#connection.read(trip.map((hash) => hash.command()));
      for (const [index, hash] of trip.entries()) hash.take(replies[index]);
      waiting = [...trip.filter(({ isRead }) => !isRead), ...waiting.slice(trip.length)];
    }
    this.#sizes = new Map(hashes.map((hash) => [hash.key, hash.size]));
    return hashes.map(({ fields }) => fields);
  }
}

/** How many of those that wait are read in the next round trip. */
function tripLength(waiting: readonly HashReading[]): number {
  let bytes = 0;
  let length = 0;
  for (const hash of waiting) {
    bytes += hash.expectedBytes;
    if (length > 0 && (bytes > TRIP_BYTES || length === TRIP_COMMANDS)) break;
    length += 1;
  }
  return length;
}
