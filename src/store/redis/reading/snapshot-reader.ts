import { type Step, yieldEvery } from '../../../event-loop/fair-yield.js';
import { type Attributes, type Series, decodeSeries } from '../../../model/series.js';
import type { Family } from '../../../model/family.js';
import type { Snapshot } from '../../../model/snapshot.js';
import type { StoreContext } from '../../metric-store.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../../snapshot/snapshot-builder.js';
import type { StoredFamily, StoredInstance } from '../../snapshot/stored-state.js';
import { assertOwnProject } from '../../project-errors.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';
import {
  decodeCurrent,
  decodeValues,
  SERIES_PER_SLICE,
  type SeriesById,
  splitInstance,
  type SplitInstance,
  want,
} from './decode.js';
import { buffers, pipeline, strings, type Command } from '../connection/commands.js';

interface Descriptor {
  readonly family: Family;
  readonly createdAtMs: number;
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
    const states = live.map((lease, index) => ({ lease, fields: buffers(replies[stored.length + index]) }));

    const wanted = new Map<string, Set<string>>();
    const step = yieldEvery(SERIES_PER_SLICE);
    const values: Array<
      Descriptor & { readonly fields: ReturnType<typeof buffers>; readonly ids: string[] }
    > = [];
    for (const [index, descriptor] of stored.entries()) {
      const fields = buffers(replies[index]);
      values.push({ ...descriptor, fields, ids: await want(wanted, descriptor.family.key, fields, step) });
    }
    const current: Array<SplitInstance & { readonly lease: string }> = [];
    for (const { lease, fields } of states)
      current.push({ lease, ...(await splitInstance(fields, wanted, step)) });
    const known = await this.#labels(wanted, step);

    const decoded: StoredFamily[] = [];
    for (const { fields, ids, ...descriptor } of values) {
      const series = await decodeValues(fields, ids, known.get(descriptor.family.key), step);
      decoded.push({ ...descriptor, series });
    }
    const reported: StoredInstance[] = [];
    for (const { lease, resource, values: packed } of current)
      reported.push({
        lease,
        resource: this.#resourceOf(resource),
        values: await decodeCurrent(packed, known, step),
      });
    for (const descriptor of families)
      if (!stored.includes(descriptor)) decoded.push({ ...descriptor, series: [] });
    return this.#builder.build({
      atMs: nowMs,
      families: decoded,
      instances: reported,
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
  async #labels(wanted: ReadonlyMap<string, ReadonlySet<string>>, step: Step): Promise<SeriesById> {
    // Two snapshots may be under way at once; neither may see what the other one has not filled yet.
    const series = new Map<string, ReadonlyMap<string, Series>>();
    const missing: Array<{
      readonly key: string;
      readonly ids: string[];
      readonly kept: Map<string, Series>;
    }> = [];
    for (const [key, ids] of wanted) {
      const known = this.#series.get(key);
      const unknown: string[] = [];
      for (const id of ids) {
        const turn = step();
        if (turn !== undefined) await turn;
        if (known?.has(id) !== true) unknown.push(id);
      }
      // Mostly nothing has come or gone: what is not made anew is no garbage.
      if (known !== undefined && unknown.length === 0 && known.size === ids.size) {
        series.set(key, known);
        continue;
      }
      const kept = new Map<string, Series>();
      for (const [id, one] of known ?? []) if (ids.has(id)) kept.set(id, one);
      series.set(key, kept);
      if (unknown.length > 0) missing.push({ key, ids: unknown, kept });
    }
    const replies = await this.#read(
      missing.map(({ key, ids }): Command => ['HMGET', this.#keys.labels(key), ...ids]),
    );
    for (const [index, { ids, kept }] of missing.entries()) {
      const texts = buffers(replies[index]);
      for (const [at, id] of ids.entries()) {
        const text = texts[at];
        // A series without labels was deleted between two reads; the next scrape does not see it either.
        if (text) kept.set(id, decodeSeries(id, text.toString()));
        const turn = step();
        if (turn !== undefined) await turn;
      }
    }
    this.#series = series;
    return series;
  }

  #resourceOf(json: string): Attributes {
    let attributes = this.#resources.get(json);
    if (attributes === undefined) {
      attributes = json === '' ? [] : (JSON.parse(json) as Attributes);
      if (this.#resources.size > 1000) this.#resources = new Map();
      this.#resources.set(json, attributes);
    }
    return attributes;
  }
}

function decodeDescriptor(key: string, json: string): Descriptor {
  const { createdMs, ...family }: Family & { createdMs: number } = JSON.parse(json);
  return { createdAtMs: createdMs, family: { ...family, key } };
}

function liveLeases(pairs: readonly string[], nowMs: number): string[] {
  const live: string[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    if (Number(pairs[index + 1]) > nowMs) live.push(pairs[index] ?? '');
  }
  return live;
}
