import { type Step, yieldEvery } from '../../../event-loop/fair-yield.js';
import type { Family } from '../../../model/family.js';
import type { Attributes } from '../../../model/series.js';
import type { Snapshot } from '../../../model/snapshot.js';
import type { StoreContext } from '../../metric-store.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../../snapshot/snapshot-builder.js';
import type { StoredFamily, StoredInstance, StoredState } from '../../snapshot/stored-state.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';
import {
  decodeCurrent,
  decodeValues,
  type SeriesById,
  SERIES_PER_SLICE,
  splitInstance,
  type SplitInstance,
  want,
} from './decode.js';
import { HashPages } from './hash-pages.js';
import type { Fields } from './hash-reading.js';
import { isAlive, type ProjectHead, readHead } from './project-head.js';
import { SeriesLabels } from './series-labels.js';
import { type Descriptor, readDescriptor, readResource } from './stored-text.js';
import { UnreadableEntries } from '../../unreadable-entries.js';

/** A live instance whose hash was read. */
interface ReadInstance extends SplitInstance {
  readonly lease: string;
}

/** A family whose hash was read. */
interface ReadFamily extends Descriptor {
  readonly fields: Fields;
  readonly ids: readonly string[];
}

/** What reading needs to know of its project. */
export type ReadContext = Pick<StoreContext, 'prefix' | 'project' | 'ttlMs' | 'shownAs' | 'warn'>;

/** Resources that are kept decoded. */
const MAX_RESOURCES = 1000;

/**
 * The reading side: the project in three round trips (two when no series is new), more when it is large, without writing
 * anything. Families and labels are decoded once and kept as long as they are in use; values stay binary until they are
 * numbers.
 */
export class RedisReader {
  readonly #context: ReadContext;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #builder: SnapshotBuilder;
  readonly #unreadable: UnreadableEntries;
  readonly #labels: SeriesLabels;
  readonly #descriptorPages: HashPages;
  readonly #pages: HashPages;
  #descriptors = new Map<string, Descriptor>();
  #resources = new Map<string, Attributes>();

  constructor(context: ReadContext, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#builder = createSnapshotBuilder(context.ttlMs, context.shownAs);
    this.#unreadable = new UnreadableEntries(context.warn);
    this.#labels = new SeriesLabels(connection, keys, this.#unreadable);
    this.#descriptorPages = new HashPages(connection);
    this.#pages = new HashPages(connection);
  }

  /** Entries that could not be read so far. */
  get unreadable(): number {
    return this.#unreadable.count;
  }

  async snapshot(): Promise<Snapshot> {
    const [{ nowMs, leases }, families] = await Promise.all([this.#readProject(), this.#readDescriptors()]);
    const stored = families.filter(isStored);
    const hashes = await this.#readHashes([
      ...stored.map(({ family }) => this.#keys.values(family.key)),
      ...leases.map(({ lease }) => this.#keys.instance(lease)),
    ]);

    const step = yieldEvery(SERIES_PER_SLICE);
    const wanted = new Map<string, Set<string>>();
    const read = await idsOf(stored, hashes, wanted, step);
    const live: ReadInstance[] = [];
    for (const [index, lease] of leases.entries()) {
      const split = await splitInstance(hashes[stored.length + index] ?? [], wanted, step);
      if (isAlive(lease, split.leaseMs, nowMs)) live.push({ ...split, lease: lease.lease });
    }
    const known = await this.#labels.read(wanted, step);

    const decoded: StoredFamily[] = families
      .filter((descriptor) => !isStored(descriptor))
      .map((descriptor) => ({ ...descriptor, series: [] }));
    decoded.push(...(await this.#decode(read, known, step)));
    const instances: StoredInstance[] = [];
    for (const instance of live) {
      const { values, unreadable } = await decodeCurrent(instance.values, known, nowMs, step);
      for (const field of unreadable) this.#unreadable.entry(this.#keys.instance(instance.lease), field);
      instances.push({ lease: instance.lease, resource: this.#resourceOf(instance), values });
    }
    return this.#builder.build({ atMs: nowMs, families: decoded, instances });
  }

  /** Additive families of the project, with their expired series. */
  async additive(isWanted: (family: Family) => boolean): Promise<Pick<StoredState, 'atMs' | 'families'>> {
    const [{ nowMs }, descriptors] = await Promise.all([this.#readProject(), this.#readDescriptors()]);
    const chosen = descriptors.filter(({ family }) => family.aggregation === undefined && isWanted(family));
    const hashes = await this.#readHashes(chosen.map(({ family }) => this.#keys.values(family.key)));
    const step = yieldEvery(SERIES_PER_SLICE);
    const wanted = new Map<string, Set<string>>();
    const read = await idsOf(chosen, hashes, wanted, step);
    const known = await this.#labels.read(wanted, step);
    return { atMs: nowMs, families: await this.#decode(read, known, step) };
  }

  async #decode(read: readonly ReadFamily[], known: SeriesById, step: Step): Promise<StoredFamily[]> {
    const decoded: StoredFamily[] = [];
    for (const { fields, ids, family, createdAtMs } of read) {
      const { series, unreadable } = await decodeValues(family, fields, ids, known.get(family.key), step);
      for (const id of unreadable) this.#unreadable.entry(this.#keys.values(family.key), id);
      decoded.push({ family, createdAtMs, series });
    }
    return decoded;
  }

  #readProject(): Promise<ProjectHead> {
    // As if the key were not there. The next flush of an instance puts its own in the place.
    return readHead(this.#connection, this.#keys, this.#context, (key) => this.#unreadable.key(key));
  }

  async #readDescriptors(): Promise<Descriptor[]> {
    const key = this.#keys.families;
    const [hash] = await this.#descriptorPages.read([key]);
    if (hash === undefined) this.#unreadable.key(key);
    const fields = hash ?? [];
    const before = this.#descriptors;
    this.#descriptors = new Map();
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const family = fields[index]?.toString() ?? '';
      const json = fields[index + 1]?.toString() ?? '';
      const id = `${family} ${json}`;
      const descriptor = before.get(id) ?? readDescriptor(family, json);
      if (descriptor === undefined) this.#unreadable.entry(key, family);
      else this.#descriptors.set(id, descriptor);
    }
    return [...this.#descriptors.values()];
  }

  async #readHashes(keys: readonly string[]): Promise<Array<Fields | undefined>> {
    const hashes = await this.#pages.read(keys);
    for (const [index, key] of keys.entries()) if (hashes[index] === undefined) this.#unreadable.key(key);
    return hashes;
  }

  #resourceOf({ lease, resource: json }: ReadInstance): Attributes {
    const known = this.#resources.get(json);
    if (known !== undefined) return known;
    const attributes = readResource(json);
    if (attributes === undefined) {
      this.#unreadable.entry(this.#keys.instance(lease), 'resource');
      return [];
    }
    if (this.#resources.size > MAX_RESOURCES) this.#resources = new Map();
    this.#resources.set(json, attributes);
    return attributes;
  }
}

/** The hashes of families with the ids of their series, which are added to `wanted`. */
async function idsOf(
  descriptors: readonly Descriptor[],
  hashes: ReadonlyArray<Fields | undefined>,
  wanted: Map<string, Set<string>>,
  step: Step,
): Promise<ReadFamily[]> {
  const read: ReadFamily[] = [];
  for (const [index, descriptor] of descriptors.entries()) {
    const fields = hashes[index] ?? [];
    read.push({ ...descriptor, fields, ids: await want(wanted, descriptor.family.key, fields, step) });
  }
  return read;
}

/** True if the values of a family are in a hash of its own; others are told by live instances alone. */
function isStored({ family: { aggregation } }: Descriptor): boolean {
  return aggregation === undefined || aggregation === 'keep';
}
