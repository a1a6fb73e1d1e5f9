import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';

import { OrchestratorError, orchestratorError } from '../../../errors.js';
import type { Family } from '../../../model/family.js';
import type { Snapshot } from '../../../model/snapshot.js';
import { namedInstances } from '../../snapshot/instance-values.js';
import { createSnapshotBuilder, type SnapshotBuilder } from '../../snapshot/snapshot-builder.js';
import type { ProjectState } from '../../state/project-state.js';
import type {
  InstanceSummary,
  ProjectReader,
  ProjectSummary,
  StoreReaderContext,
} from '../../store-reader.js';
import { FollowedProject } from './followed-project.js';
import { isGone } from '../generations.js';

/** One project of a local store, read from outside. */
export class LocalProjectReader implements ProjectReader {
  readonly #prefix: string;
  readonly #folder: string;
  readonly #ttlMs: number;
  readonly #builder: SnapshotBuilder;
  readonly #followed: FollowedProject;
  readonly #closed: () => void;
  /** Calls follow one another: each reads the log to its end first. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor({ ttlMs, shownAs }: StoreReaderContext, prefix: string, folder: string, closed: () => void) {
    this.#prefix = prefix;
    this.#folder = folder;
    this.#ttlMs = ttlMs;
    this.#builder = createSnapshotBuilder(ttlMs, shownAs);
    this.#followed = new FollowedProject(folder);
    this.#closed = closed;
  }

  /** The name that the application gave; undefined without data. The files stay when all that is in them has expired. */
  name(): Promise<string | undefined> {
    return this.#inTurn((state, nowMs) => {
      const last = lastWriteOf(state);
      return last !== undefined && last > nowMs - this.#ttlMs ? state.project : undefined;
    });
  }

  snapshot(): Promise<Snapshot> {
    return this.#inTurn((state, nowMs) => this.#builder.build(state.stored(nowMs)));
  }

  async summary(): Promise<ProjectSummary | undefined> {
    const bytes = await this.#bytes();
    return this.#inTurn((state, nowMs) => {
      if (state.project === undefined) return undefined;
      let series = 0;
      for (const family of state.families.values()) series += family.series.size;
      return {
        prefix: this.#prefix,
        project: state.project,
        instances: state.stored(nowMs).instances.length,
        families: state.families.size,
        series,
        bytes,
        lastWriteMs: lastWriteOf(state),
        nowMs,
      };
    });
  }

  families(): Promise<Family[]> {
    return this.#inTurn((state) => Array.from(state.families.values(), ({ family }) => family));
  }

  instances(): Promise<InstanceSummary[]> {
    return this.#inTurn((state, nowMs) =>
      namedInstances(state.stored(nowMs).instances)
        .map(({ lease, id, resource }) => {
          const instance = state.instances.get(lease);
          return {
            lease,
            id,
            resource,
            values: instance?.values.length ?? 0,
            lastWriteMs: instance?.updatedAtMs,
            leaseEndsMs: instance?.leaseEndsAtMs ?? nowMs,
            nowMs,
          };
        })
        .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
  }

  async close(): Promise<void> {
    this.#tail = this.#tail.then(() => this.#followed.close());
    this.#closed();
    await this.#tail;
  }

  #inTurn<T>(work: (state: ProjectState, nowMs: number) => T | Promise<T>): Promise<T> {
    const before = this.#tail;
    const result = (async () => {
      await before;
      try {
        await this.#followed.catchUp();
        return await work(this.#followed.state, this.#followed.now());
      } catch (error) {
        throw this.#explain(error);
      }
    })();
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #bytes(): Promise<number> {
    let bytes = 0;
    try {
      for (const name of await readdir(this.#folder)) bytes += await sizeOf(path.join(this.#folder, name));
    } catch (error) {
      if (!isGone(error)) throw this.#explain(error);
    }
    return bytes;
  }

  #explain(error: unknown): unknown {
    if (error instanceof OrchestratorError) return error;
    const values = { store: `local ${this.#folder}`, error };
    return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'local', values, { cause: error });
  }
}

/** Of a file; 0 for one that is gone, and for folders. */
async function sizeOf(file: string): Promise<number> {
  try {
    const stats = await stat(file);
    return stats.isFile() ? stats.size : 0;
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

function lastWriteOf({ families, instances }: ProjectState): number | undefined {
  let last: number | undefined;
  for (const { series } of families.values())
    for (const { updatedAtMs } of series.values()) last = Math.max(last ?? 0, updatedAtMs);
  for (const { updatedAtMs } of instances.values()) last = Math.max(last ?? 0, updatedAtMs);
  return last;
}
