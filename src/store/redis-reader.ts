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
  #series = new Map<string, Map<string, Series>>();
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
    await this.#fetchLabels(wanted);

    return this.#builder.build({
      nowMs,
      families: [
        ...values.map(({ family, createdMs, fields }) => ({
          family,
          createdMs,
          series: this.#decodeValues(family, fields),
        })),
        ...families
          .filter((descriptor) => !stored.includes(descriptor))
          .map((descriptor): StoredFamily => ({ ...descriptor, series: [] })),
      ],
      instances: current.map((instance) => this.#decodeInstance(instance)),
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

  /** Labels of series that were not seen before; those that are no longer in use are forgotten. */
  async #fetchLabels(wanted: ReadonlyMap<string, ReadonlySet<string>>): Promise<void> {
    const before = this.#series;
    this.#series = new Map();
    const missing: Array<{ readonly key: string; readonly ids: string[] }> = [];
    for (const [key, ids] of wanted) {
      const known = before.get(key);
      const kept = new Map<string, Series>();
      const unknown: string[] = [];
      for (const id of ids) {
        const series = known?.get(id);
        if (series === undefined) unknown.push(id);
        else kept.set(id, series);
      }
      this.#series.set(key, kept);
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
        if (text) this.#series.get(key)?.set(id, decodeSeries(id, text.toString()));
      }
    }
  }

  *#decodeValues(family: Family, fields: ReadonlyArray<Buffer | null>): Generator<StoredSeries> {
    const known = this.#series.get(family.key);
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const series = known?.get(fields[index]?.toString('latin1') ?? '');
      const packed = fields[index + 1];
      if (series === undefined || !packed || packed.length < 24) continue;
      const values = new Float64Array(packed.length / 8 - 2);
      for (let at = 0; at < values.length; at++) values[at] = packed.readDoubleLE(16 + at * 8);
      yield { series, updatedMs: packed.readDoubleLE(0), startMs: packed.readDoubleLE(8), values };
    }
  }

  #decodeInstance(instance: SplitInstance & { readonly lease: string }): StoredInstance {
    const { lease, resource, values } = instance;
    let attributes = this.#resources.get(resource);
    if (attributes === undefined) {
      attributes = resource === '' ? [] : (JSON.parse(resource) as Attributes);
      if (this.#resources.size > 1000) this.#resources = new Map();
      this.#resources.set(resource, attributes);
    }
    return { lease, resource: attributes, values: this.#decodeCurrent(values) };
  }

  *#decodeCurrent(values: SplitInstance['values']): Generator<StoredValue> {
    for (const { familyKey, id, packed } of values) {
      const series = this.#series.get(familyKey)?.get(id);
      if (series === undefined || packed.length !== 16) continue;
      yield { familyKey, series, recordedMs: packed.readDoubleLE(0), value: packed.readDoubleLE(8) };
    }
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
