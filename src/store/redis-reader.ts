import { setImmediate as nextTurn } from 'node:timers/promises';

import {
  type Attributes,
  type Family,
  type Series,
  type Snapshot,
  type StoreContext,
} from './metric-store.js';
import {
  createSnapshotBuilder,
  type SnapshotBuilder,
  type StoredFamily,
  type StoredInstance,
  type StoredSeries,
  type StoredValue,
} from './merge.js';
import { assertOwnProject } from './project-errors.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisKeys } from './redis-keys.js';
import { buffers, pipeline, strings, type Command } from './redis-run.js';
import { decodeSeries } from './series-codec.js';

/** About 1 ms of decoding. Between two of them the event loop has its turn. */
const SERIES_PER_TURN = 500;

type SeriesById = ReadonlyMap<string, ReadonlyMap<string, Series>>;

interface Descriptor {
  readonly family: Family;
  readonly createdMs: number;
}

/**
 * The reading side: the project in three round trips (two when no series is new), without writing anything. Families and
 * labels are decoded once and kept as long as they are in use; values stay binary until they are numbers.
 */
export class RedisReader {
  readonly #context: StoreContext;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #builder: SnapshotBuilder;
  #descriptors = new Map<string, Descriptor>();
  #series: SeriesById = new Map();
  #resources = new Map<string, Attributes>();

  constructor(context: StoreContext, connection: RedisConnection, keys: RedisKeys) {
    this.#context = context;
    this.#connection = connection;
    this.#keys = keys;
    this.#builder = createSnapshotBuilder(context.ttlMs);
  }

  async snapshot(): Promise<Snapshot> {
    const { project, families: familiesKey, instances } = this.#keys;
    const [time, names, descriptors, leases] = await this.#read([
      ['TIME'],
      ['HMGET', project, 'schema', 'name'],
      ['HGETALL', familiesKey],
      ['ZRANGE', instances, '0', '-1', 'WITHSCORES'],
    ]);
    const [schema, name] = strings(names);
    assertOwnProject(this.#context, schema, name);
    const [seconds, microseconds] = strings(time);
    const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    const families = this.#decodeDescriptors(strings(descriptors));
    const live = liveLeases(strings(leases), nowMs);

    const stored = families.filter(
      ({ family }) => family.aggregation === undefined || family.aggregation === 'keep',
    );
    const replies = await this.#read([
      ...stored.map(({ family }): Command => ['HGETALL', this.#keys.values(family.key)]),
      ...live.map((lease): Command => ['HGETALL', this.#keys.instance(lease)]),
    ]);
    const values = stored.map((descriptor, index) => ({ ...descriptor, fields: buffers(replies[index]) }));
    const states = live.map((lease, index) => ({ lease, fields: buffers(replies[stored.length + index]) }));

    const wanted = new Map<string, Set<string>>();
    for (const { family, fields } of values) want(wanted, family.key, fields);
    const current = states.map(({ lease, fields }) => ({ lease, ...splitInstance(fields, wanted) }));
    const known = await this.#labels(wanted);

    const decoded: StoredFamily[] = [];
    for (const { fields, ...descriptor } of values)
      decoded.push({ ...descriptor, series: await decodeValues(fields, known.get(descriptor.family.key)) });
    for (const descriptor of families)
      if (!stored.includes(descriptor)) decoded.push({ ...descriptor, series: [] });
    return this.#builder.build({
      nowMs,
      families: decoded,
      instances: current.map((instance) => this.#decodeInstance(instance, known)),
    });
  }

  async #read(commands: readonly Command[]): Promise<unknown[]> {
    if (commands.length === 0) return [];
    return this.#connection.use((client) => pipeline(client, commands));
  }

  #decodeDescriptors(fields: readonly string[]): Descriptor[] {
    const before = this.#descriptors;
    this.#descriptors = new Map();
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const key = fields[index] ?? '';
      const json = fields[index + 1] ?? '';
      const id = `${key} ${json}`;
      this.#descriptors.set(id, before.get(id) ?? decodeDescriptor(key, json));
    }
    return [...this.#descriptors.values()];
  }

  /** All that are wanted. Those that were seen before are not read again, and those no longer in use are forgotten. */
  async #labels(wanted: ReadonlyMap<string, ReadonlySet<string>>): Promise<SeriesById> {
    // Two snapshots may be under way at once; neither may see what the other one has not filled yet.
    const series = new Map<string, Map<string, Series>>();
    const missing: Array<{ readonly key: string; readonly ids: string[] }> = [];
    for (const [key, ids] of wanted) {
      const known = this.#series.get(key);
      const kept = new Map<string, Series>();
      const unknown: string[] = [];
      for (const id of ids) {
        const one = known?.get(id);
        if (one === undefined) unknown.push(id);
        else kept.set(id, one);
      }
      series.set(key, kept);
      if (unknown.length > 0) missing.push({ key, ids: unknown });
    }
    const replies = await this.#read(
      missing.map(({ key, ids }): Command => ['HMGET', this.#keys.labels(key), ...ids]),
    );
    for (const [index, { key, ids }] of missing.entries()) {
      const texts = buffers(replies[index]);
      for (const [at, id] of ids.entries()) {
        const text = texts[at];
        // A series without labels was deleted between two reads; the next scrape does not see it either.
        if (text) series.get(key)?.set(id, decodeSeries(id, text.toString()));
        if (at % SERIES_PER_TURN === SERIES_PER_TURN - 1) await nextTurn();
      }
    }
    this.#series = series;
    return series;
  }

  #decodeInstance(instance: SplitInstance & { readonly lease: string }, known: SeriesById): StoredInstance {
    const { lease, resource, values } = instance;
    let attributes = this.#resources.get(resource);
    if (attributes === undefined) {
      attributes = resource === '' ? [] : (JSON.parse(resource) as Attributes);
      if (this.#resources.size > 1000) this.#resources = new Map();
      this.#resources.set(resource, attributes);
    }
    return { lease, resource: attributes, values: decodeCurrent(values, known) };
  }
}

async function decodeValues(
  fields: ReadonlyArray<Buffer | null>,
  known: ReadonlyMap<string, Series> | undefined,
): Promise<StoredSeries[]> {
  const decoded: StoredSeries[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const series = known?.get(fields[index]?.toString('latin1') ?? '');
    const packed = fields[index + 1];
    if (series === undefined || !packed || packed.length < 24) continue;
    // Not a Float64Array, whose memory is outside of the heap: V8 then collects garbage for what is gone at once anyway.
    const values: number[] = [];
    for (let at = 16; at < packed.length; at += 8) values.push(packed.readDoubleLE(at));
    decoded.push({ series, updatedMs: packed.readDoubleLE(0), startMs: packed.readDoubleLE(8), values });
    if (decoded.length % SERIES_PER_TURN === 0) await nextTurn();
  }
  return decoded;
}

function* decodeCurrent(values: SplitInstance['values'], known: SeriesById): Generator<StoredValue> {
  for (const { familyKey, id, packed } of values) {
    const series = known.get(familyKey)?.get(id);
    if (series === undefined || packed.length !== 16) continue;
    yield { familyKey, series, recordedMs: packed.readDoubleLE(0), value: packed.readDoubleLE(8) };
  }
}

interface SplitInstance {
  readonly resource: string;
  readonly values: ReadonlyArray<{
    readonly familyKey: string;
    readonly id: string;
    readonly packed: Buffer;
  }>;
}

function splitInstance(
  fields: ReadonlyArray<Buffer | null>,
  wanted: Map<string, Set<string>>,
): SplitInstance {
  let resource = '';
  const values: Array<SplitInstance['values'][number]> = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const field = fields[index]?.toString('latin1') ?? '';
    const packed = fields[index + 1];
    if (!packed) continue;
    const slash = field.lastIndexOf('/');
    if (field === 'resource') resource = packed.toString();
    else if (slash > 0) {
      const familyKey = field.slice(0, slash);
      const id = field.slice(slash + 1);
      idsOf(wanted, familyKey).add(id);
      values.push({ familyKey, id, packed });
    }
  }
  return { resource, values };
}

function want(
  wanted: Map<string, Set<string>>,
  familyKey: string,
  fields: ReadonlyArray<Buffer | null>,
): void {
  const ids = idsOf(wanted, familyKey);
  for (let index = 0; index < fields.length; index += 2) ids.add(fields[index]?.toString('latin1') ?? '');
}

function idsOf(wanted: Map<string, Set<string>>, familyKey: string): Set<string> {
  let ids = wanted.get(familyKey);
  if (ids === undefined) wanted.set(familyKey, (ids = new Set()));
  return ids;
}

function decodeDescriptor(key: string, json: string): Descriptor {
  const { createdMs, ...family }: Family & { createdMs: number } = JSON.parse(json);
  return { createdMs, family: { ...family, key } };
}

function liveLeases(pairs: readonly string[], nowMs: number): string[] {
  const live: string[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    if (Number(pairs[index + 1]) > nowMs) live.push(pairs[index] ?? '');
  }
  return live;
}
