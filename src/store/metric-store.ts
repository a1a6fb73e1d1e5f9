import type { DeltaBatch } from '../model/delta-batch.js';
import type { Snapshot } from '../model/snapshot.js';
import type { ShownAs } from '../model/shown-as.js';
import type { Warn } from '../warnings.js';

/**
 * The store's contract: what one instance hands over in a flush, what a scrape reads, and what every implementation
 * promises. `test/contract` is this contract as a test suite; a new store is one folder that passes it.
 *
 * Promises:
 * 1. A batch is applied exactly once. When `apply` rejects, its outcome is unknown: call it again with the very same batch
 *    object until it resolves. A batch whose sequence is not above the last one applied adds nothing, also when the lease
 *    is over: a process that was suspended in the middle of an `apply` must not count twice when it wakes up.
 * 2. `deltas` are added to the project's totals and outlive the instance. `current` replaces what this instance said
 *    before and counts only while the instance is alive (families with aggregation `keep` excepted).
 * 3. Values never decrease, except by `wipe` or by the loss of the underlying data; then they restart with a new start time.
 * 4. A series that was not written for `ttlMs` leaves the snapshot, and with a later sweep the store. If it is written again
 *    in between, the store may continue or restart it. Series that are shown as one leave together: while one of them lives,
 *    the values of the others stay in its sum.
 * 5. A family has at most `maxSeries` series besides the overflow series, `otel_metric_overflow="true"`, into which everything else is added and
 *    counted. For current values the limit applies to the attribute sets of all instances together; of one instance's
 *    values that exceed it, gauges leave the newest and other types their sum. Sweeping expired series makes room.
 * 6. Snapshots never write. No lease, no lock and no expiry depends on a wall clock that can be set at a process.
 * 7. The first instance binds the prefix to its project's name. While the project has data, all calls of an instance with
 *    another name reject with `ORCHESTRATOR_PREFIX_TAKEN` and change nothing.
 * 8. After a loss of the data, the next `apply` writes descriptors, labels and the resource again. Help and aggregation of a
 *    family are those of the instance that began to report it last.
 */
export interface ApplyResult {
  /** Points of this batch that the cap on series moved into the overflow series, `otel_metric_overflow="true"`. */
  readonly overflowed: number;
  /** Points of this batch that the store cannot take, whatever is done; each reason is said once. Default 0. */
  readonly dropped?: number;
}

/**
 * Where the batches of all instances of a project are summed: `createStore()` opens one. A store of your own passes the
 * contract's test suite, `test/contract`.
 */
export interface MetricStore {
  /** Kind and place without credentials: `redis 127.0.0.1:6379`. For the start line and for errors. */
  readonly description: string;
  /** Where a reader of this store says what went wrong, if it has no `warn` of its own. */
  readonly warn?: (message: string) => void;
  /**
   * Entries that this instance found in the store and could not read, each counted once: something else wrote them, or they were
   * damaged. They are left out. Absent if that cannot be.
   */
  readonly unreadable?: number;
  /** Applies one batch exactly once; see promise 1. One call at a time. */
  apply(batch: DeltaBatch): Promise<ApplyResult>;
  /** The sum of everything, for any instance. Rejects with a reason when the store cannot be read. */
  snapshot(): Promise<Snapshot>;
  /** Deletes what expired. Any instance may call it at any time; it is cheap when another one just did. */
  sweep(): Promise<void>;
  /**
   * Acquires or renews the project-wide lock `name` for `ms` milliseconds: for work that one process does for all. Resolves
   * with false while another instance has it.
   */
  acquireLock(name: string, ms: number): Promise<boolean>;
  /**
   * Ends this instance's lease: its current values go, and its locks are free. The next `apply` begins the lease again.
   *
   * @param other the lease of another instance, that is known to have been killed; nothing happens if it has none. A store may leave
   * its locks to end by themselves.
   */
  endLease(other?: string): Promise<void>;
  /**
   * Deletes all data of the project, and nothing of any other. A gauge that was recorded before does not come back with the
   * next batch; up-down counters and observed values do.
   */
  wipe(): Promise<void>;
  /**
   * For the `exit` event of a process: synchronous, and no promise is resolved after it. Applies the batches in their order,
   * each exactly once whatever became of an `apply` that is under way, and ends the lease.
   *
   * Returns `stored` when all is applied, or `kept` when it lies where another process of the project finds it
   * and sends it. Throws the reason why neither is possible. If the process lives on all the same, `apply` is called again
   * with the same batches. Default: nothing can be done.
   */
  finish?(last: LastBatches): 'stored' | 'kept';
  /**
   * Deletes what is stored of some families, by key, and nothing else: counters, histograms and kept gauges begin again from
   * zero, with a new start time. What live instances say at the moment is not stored and stays. A store of another author
   * may leave it out.
   */
  forget?(families: readonly string[]): Promise<void>;
  /** Releases connections and files. Idempotent. Pending calls reject. */
  close(): Promise<void>;
}

/** What an instance hands over at its end. */
export interface LastBatches {
  readonly batches: readonly DeltaBatch[];
  /** Milliseconds that it may take; 0: only what takes no time. */
  readonly waitMs: number;
  /** False when the batches have nothing of the application: then they may be left out. */
  readonly isWorthWaiting: boolean;
}

/** What a store must know about its project and its instance. */
export interface StoreContext {
  /** The project's sanitized name. */
  readonly prefix: string;
  /** The project's name as it was given. A second name on the same prefix is refused. */
  readonly project: string;
  /** Random for each start of a process. */
  readonly lease: string;
  /** An instance counts as alive for this long after its last batch. */
  readonly leaseMs: number;
  /** A series that was not written for this long leaves. */
  readonly ttlMs: number;
  /** Series per family over the whole project. */
  readonly maxSeries: number;
  /**
   * Which series a scrape shows as one; they expire as one. Default: the versions of a histogram with other buckets.
   */
  readonly shownAs?: ShownAs | undefined;
  /** Called once per change of state, with one line in plain words. */
  readonly warn: Warn;
}

/** Raised when stored data change shape. Data of another version are refused, not overwritten. */
export const SCHEMA_VERSION = 1;
