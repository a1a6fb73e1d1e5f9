import { OrchestratorError } from '../errors.js';
import type { StoredValue } from './merge.js';
import type { Attributes, Family, Series } from './metric-store.js';

/** One series of a family. Current values are listed too, which is how their number is limited. */
export interface MemorySeries {
  readonly series: Series;
  updatedMs: number;
  /** When it started from zero; of current values when the value was first seen. */
  startMs: number;
  readonly values: number[];
}

export interface MemoryFamily {
  family: Family;
  readonly createdMs: number;
  readonly series: Map<string, MemorySeries>;
}

export interface MemoryInstance {
  /** The last batch that was applied. */
  sequence: number;
  updatedMs: number;
  leaseEndMs: number;
  readonly resource: Attributes;
  values: readonly StoredValue[];
}

export interface MemoryProject {
  /** The name as it was given, not sanitized. */
  readonly project: string;
  readonly families: Map<string, MemoryFamily>;
  readonly instances: Map<string, MemoryInstance>;
}

/**
 * What a memory store holds, apart from the store, so that several instances can share it within one process. `now` is the
 * store's clock in Unix milliseconds.
 */
export class MemoryBackend {
  readonly now: () => number;
  readonly #projects = new Map<string, MemoryProject>();

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  /** The project's data, if it has any. Throws `ORCHESTRATOR_PREFIX_TAKEN` if they belong to another project. */
  find(prefix: string, project: string): MemoryProject | undefined {
    const found = this.#projects.get(prefix);
    if (found !== undefined && found.project !== project) throw prefixTaken(prefix, found.project, project);
    return found;
  }

  findOrCreate(prefix: string, project: string): MemoryProject {
    const found = this.find(prefix, project);
    if (found !== undefined) return found;
    const created: MemoryProject = { project, families: new Map(), instances: new Map() };
    this.#projects.set(prefix, created);
    return created;
  }

  delete(prefix: string): void {
    this.#projects.delete(prefix);
  }

  /** Loses everything, like a cache server that was restarted empty. */
  clear(): void {
    this.#projects.clear();
  }
}

/** Two projects whose names differ, but not after sanitizing. Serving the sum of both would be wrong for both. */
export function prefixTaken(prefix: string, owner: string, project: string): OrchestratorError {
  return new OrchestratorError(
    'ORCHESTRATOR_PREFIX_TAKEN',
    `The prefix ${JSON.stringify(prefix)} belongs to the project ${JSON.stringify(owner)} and cannot be used for ` +
      `${JSON.stringify(project)} too. Set ORCHESTRATOR_PREFIX to a name that differs in letters, digits, "_" or "-".`,
  );
}
