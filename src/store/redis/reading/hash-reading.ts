import { buffers, type Command } from '../connection/commands.js';

/** A hash: fields and values in turn. */
export type Fields = ReadonlyArray<Buffer | null>;

export interface HashSize {
  readonly entries: number;
  readonly bytes: number;
}

/** A hash that is larger is read in pages of so many entries and bytes. */
const PAGE_ENTRIES = 1000;
const PAGE_BYTES = 256 * 1024;

/** The first page of a hash that was not read before, and what is assumed of its entries. */
const FIRST_ENTRIES = 100;
const UNKNOWN_BYTES = 150;

/** One hash while it is read. */
export class HashReading {
  readonly key: string;
  /** What was read; undefined if the key is no hash. */
  fields: Fields | undefined = [];
  isRead = false;
  #cursor = '0';
  /** Read in one piece. */
  #isWhole: boolean;
  #size: HashSize;
  /** Of several pages; an entry may come twice while Redis resizes the hash. */
  readonly #entries = new Map<string, readonly [field: Buffer | null, value: Buffer | null]>();

  /** @param size when it was read last */
  constructor(key: string, size: HashSize | undefined) {
    this.key = key;
    this.#size = size ?? { entries: 0, bytes: 0 };
    this.#isWhole = size !== undefined && size.entries <= PAGE_ENTRIES && size.bytes <= PAGE_BYTES;
  }

  /** As far as it was read. */
  get size(): HashSize {
    return this.#size;
  }

  /** Of the next reply. */
  get expectedBytes(): number {
    return this.#isWhole ? this.#size.bytes : this.#pageEntries * this.#entryBytes;
  }

  command(): Command {
    return this.#isWhole
      ? ['HGETALL', this.key]
      : ['HSCAN', this.key, this.#cursor, 'COUNT', this.#pageEntries];
  }

  take(reply: unknown): void {
    if (reply instanceof Error) this.#takeError(reply);
    else if (this.#isWhole) this.#end(buffers(reply));
    else this.#takePage(Array.isArray(reply) ? (reply as [Buffer, unknown]) : []);
  }

  get #pageEntries(): number {
    if (this.#size.entries === 0) return FIRST_ENTRIES;
    return Math.max(1, Math.min(PAGE_ENTRIES, Math.floor(PAGE_BYTES / this.#entryBytes)));
  }

  get #entryBytes(): number {
    const { entries, bytes } = this.#size;
    return entries === 0 ? UNKNOWN_BYTES : Math.ceil(bytes / entries);
  }

  #takeError({ message }: Error): void {
    // The key has moved to another node of the cluster, which knows nothing of the cursor.
    if (message.startsWith('ASK') && !this.#isWhole) this.#isWhole = true;
    else this.#end(undefined);
  }

  #takePage([cursor, page]: readonly [Buffer?, unknown?]): void {
    const fields = buffers(page);
    const next = cursor?.toString() ?? '0';
    if (this.#cursor === '0' && next === '0') {
      this.#end(fields);
      return;
    }
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const [field = null, value = null] = [fields[index], fields[index + 1]];
      this.#entries.set(field?.toString('latin1') ?? '', [field, value]);
    }
    this.#cursor = next;
    if (next === '0') this.#end([...this.#entries.values()].flat());
    else this.#size = sizeOf(fields);
  }

  #end(fields: Fields | undefined): void {
    this.fields = fields;
    this.#size = sizeOf(fields ?? []);
    this.isRead = true;
  }
}

function sizeOf(fields: Fields): HashSize {
  let bytes = 0;
  for (const item of fields) bytes += item?.length ?? 0;
  return { entries: fields.length / 2, bytes };
}
