import type { Family } from '../model/family.js';
import type { Attributes } from '../model/series.js';
import type { Snapshot } from '../model/snapshot.js';
import type { ShownAs } from '../model/shown-as.js';
import type { Warn } from '../warnings.js';

/**
 * Reads a store from outside of its projects: which projects it has, and what is in them. Nothing is ever written, so that a
 * replica, a user without the right to write and a folder that is mounted read-only are enough. No lease begins.
 */
export interface StoreReader {
  /** Kind and place without credentials: `redis 127.0.0.1:6379`. */
  readonly description: string;
  /** The projects that have data now, by prefix. Rejects when the store cannot be read, or its list may not be. */
  projects(): Promise<ProjectName[]>;
  /** One project, if it has data. It needs no right to list projects. */
  find(prefix: string): Promise<ProjectName | undefined>;
  /** Reads one project as often as is wanted; what does not change is decoded once. */
  open(project: ProjectName): ProjectReader;
  /** Releases connections and files, those of its projects too. Idempotent. */
  close(): Promise<void>;
}

export interface ProjectName {
  /** As it stands in keys. */
  readonly prefix: string;
  /** As the application gave it. */
  readonly project: string;
}

export interface ProjectReader {
  /** As the application's own endpoint shows it. */
  snapshot(): Promise<Snapshot>;
  /** Sizes and times; undefined when there are no data any more. */
  summary(): Promise<ProjectSummary | undefined>;
  /** All metrics, versions of a histogram with other buckets one by one. */
  families(): Promise<Family[]>;
  /** The live instances, by name. */
  instances(): Promise<InstanceSummary[]>;
  close(): Promise<void>;
}

export interface ProjectSummary extends ProjectName {
  /** Live ones. */
  readonly instances: number;
  /** Stored metrics, those that have expired but were not swept yet included; series likewise. */
  readonly families: number;
  readonly series: number;
  /** What the data take up in the store; undefined if the user may not ask (`MEMORY USAGE`). */
  readonly bytes: number | undefined;
  /** The last flush of a live instance, or the last write of any series; Unix milliseconds, by the store's clock. */
  readonly lastWriteMs: number | undefined;
  /** The store's clock. */
  readonly nowMs: number;
}

export interface InstanceSummary {
  readonly lease: string;
  /** The value of `service_instance_id` in its series. */
  readonly id: string;
  readonly resource: Attributes;
  /** Current values (gauges, up-down counters) that it reports. */
  readonly values: number;
  /** Its last flush, Unix milliseconds by the store's clock; undefined if the instance does not say how long its lease is. */
  readonly lastWriteMs: number | undefined;
  /** When it counts as dead if nothing is heard of it. */
  readonly leaseEndsMs: number;
  readonly nowMs: number;
}

/** What a reader needs to know besides where the store is. */
export interface StoreReaderContext {
  /** A series that was not written for this long is not shown. As in the projects. */
  readonly ttlMs: number;
  /** Which series a scrape shows as one. */
  readonly shownAs?: ShownAs | undefined;
  /** Called with one line in plain words, once for each entry that cannot be read. */
  readonly warn: Warn;
}
