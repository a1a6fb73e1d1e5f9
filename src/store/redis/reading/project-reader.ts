import type { Family } from '../../../model/family.js';
import type { Snapshot } from '../../../model/snapshot.js';
import { namedInstances } from '../../snapshot/instance-values.js';
import type { StoredInstance } from '../../snapshot/stored-state.js';
import type {
  InstanceSummary,
  ProjectName,
  ProjectReader,
  ProjectSummary,
  StoreReaderContext,
} from '../../store-reader.js';
import { type Command, strings } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import type { RedisKeys } from '../scripts/keys.js';
import { HashPages } from './hash-pages.js';
import { lastWriteOf, memoryOf } from './project-size.js';
import { isAlive, readHead } from './project-head.js';
import { RedisReader } from './snapshot-reader.js';
import { readDescriptor, readResource } from './stored-text.js';

/** Instances that are asked for in one round trip. */
const TRIP_LEASES = 200;

/** Fields of an instance's hash that are no values: position, resource, length of its lease. */
const OWN_FIELDS = 3;

type LiveInstance = Omit<InstanceSummary, 'id' | 'nowMs'>;

/** One project of a Redis, read from outside. */
export class RedisProjectReader implements ProjectReader {
  readonly #name: ProjectName;
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #reader: RedisReader;
  readonly #closed: () => void;

  constructor(
    context: StoreReaderContext & ProjectName,
    connection: RedisConnection,
    keys: RedisKeys,
    closed: () => void,
  ) {
    this.#name = { prefix: context.prefix, project: context.project };
    this.#connection = connection;
    this.#keys = keys;
    this.#reader = new RedisReader(context, connection, keys);
    this.#closed = closed;
  }

  snapshot(): Promise<Snapshot> {
    return this.#reader.snapshot();
  }

  async summary(): Promise<ProjectSummary | undefined> {
    const [exists] = await this.#connection.read([['HEXISTS', this.#keys.project, 'epoch']]);
    if (exists !== 1) return undefined;
    const { nowMs, instances } = await this.#live();
    const families = (await this.#descriptors()).map(([key]) => key);
    const valueKeys = families.map((key) => this.#keys.values(key));
    const lengths = await this.#connection.read(valueKeys.map((key): Command => ['HLEN', key]));
    const flushes = instances.map(({ lastWriteMs }) => lastWriteMs).filter((at) => at !== undefined);
    const bytes = await memoryOf(this.#connection, [
      this.#keys.project,
      this.#keys.families,
      this.#keys.instances,
      ...valueKeys,
      ...families.map((key) => this.#keys.labels(key)),
      ...instances.map(({ lease }) => this.#keys.instance(lease)),
    ]);
    return {
      ...this.#name,
      instances: instances.length,
      families: families.length,
      series: lengths.reduce<number>((sum, length) => sum + numberOf(length), 0),
      bytes,
      lastWriteMs:
        flushes.length > 0 ? Math.max(...flushes) : await lastWriteOf(this.#connection, valueKeys, nowMs),
      nowMs,
    };
  }

  async families(): Promise<Family[]> {
    const families: Family[] = [];
    for (const [key, json] of await this.#descriptors()) {
      const descriptor = readDescriptor(key, json);
      if (descriptor !== undefined) families.push(descriptor.family);
    }
    return families;
  }

  async instances(): Promise<InstanceSummary[]> {
    const { nowMs, instances } = await this.#live();
    const ids = new Map(namedInstances(instances.map(withoutValues)).map(({ lease, id }) => [lease, id]));
    return instances
      .map((one) => ({ ...one, id: ids.get(one.lease) ?? one.lease, nowMs }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  close(): Promise<void> {
    this.#closed();
    return Promise.resolve();
  }

  async #live(): Promise<{ readonly nowMs: number; readonly instances: LiveInstance[] }> {
    const { nowMs, leases } = await readHead(this.#connection, this.#keys, this.#name);
    const instances: LiveInstance[] = [];
    for (let from = 0; from < leases.length; from += TRIP_LEASES) {
      const some = leases.slice(from, from + TRIP_LEASES);
      const replies = await this.#connection.read(
        some.flatMap(({ lease }): Command[] => [
          ['HMGET', this.#keys.instance(lease), 'resource', 'leaseMs'],
          ['HLEN', this.#keys.instance(lease)],
        ]),
      );
      for (const [index, lease] of some.entries()) {
        const [resource = '', text = ''] = strings(replies[2 * index]);
        const leaseMs = text === '' ? undefined : Number(text);
        if (!isAlive(lease, leaseMs, nowMs)) continue;
        instances.push({
          lease: lease.lease,
          leaseEndsMs: lease.endsAtMs,
          lastWriteMs: leaseMs === undefined ? undefined : lease.endsAtMs - leaseMs,
          resource: readResource(resource) ?? [],
          values: Math.max(0, numberOf(replies[2 * index + 1]) - OWN_FIELDS),
        });
      }
    }
    return { nowMs, instances };
  }

  /** Keys of families, and their descriptors as JSON. */
  async #descriptors(): Promise<ReadonlyArray<readonly [key: string, json: string]>> {
    const [fields = []] = await new HashPages(this.#connection).read([this.#keys.families]);
    const found: Array<readonly [string, string]> = [];
    for (let index = 0; index + 1 < fields.length; index += 2)
      found.push([fields[index]?.toString() ?? '', fields[index + 1]?.toString() ?? '']);
    return found;
  }
}

function withoutValues({ lease, resource }: LiveInstance): StoredInstance {
  return { lease, resource, values: [] };
}

function numberOf(reply: unknown): number {
  return typeof reply === 'number' ? reply : 0;
}
