/** What the page gets, as JSON. A number that is not known is null. */

/** The address of everything here, below that of the page. */
export const LIVE = 'page/live';
export const FAMILIES = 'page/families';
export const FAMILY = 'page/family';
export const PROJECTS = 'page/projects';

type Known = number | null;

/** One project: what is now, and the rows of its history that the asker does not have. */
export interface LiveAnswer {
  readonly project: string;
  readonly prefix: string;
  readonly store: string;
  readonly version: string;
  /** Milliseconds between two rows. */
  readonly everyMs: number;
  /** Milliseconds of history that are kept. */
  readonly keptMs: number;
  /** Why the newest numbers are missing. */
  readonly trouble: string | null;
  /** Another one: rows are numbered anew. */
  readonly history: string;
  /** The number of the newest row. */
  readonly last: number;
  /** Of these rows, Unix milliseconds by the clock of the process that serves. */
  readonly times: readonly number[];
  /** By the name of the column, one number for each row. */
  readonly columns: Readonly<Record<string, readonly Known[]>>;
  /** Null until the store was read. */
  readonly now: Now | null;
}

/** Columns of the whole project. */
export type Overview = 'rate' | 'errors' | 'p50' | 'p95' | 'p99' | 'instances' | 'cpu' | 'memory' | 'loop';

export interface Now {
  /** The time that rates and percentiles are over. */
  readonly seconds: number;
  readonly instances: number;
  readonly series: number;
  readonly total: TrafficNow;
  readonly routes: readonly RouteNow[];
  readonly processes: readonly ProcessNow[];
  readonly hosts: readonly HostNow[];
  readonly checks: readonly CheckNow[];
  /** Rows of the four lists that were left out, because there are too many. */
  readonly leftOut: number;
}

export interface TrafficNow {
  /** Ever counted, as the exposition says. */
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly errorShare: Known;
  /** Seconds. */
  readonly p50: Known;
  readonly p95: Known;
  readonly p99: Known;
}

export interface RouteNow extends TrafficNow {
  readonly method: string;
  readonly route: string;
  /** Its column of requests per second; null if it has none. */
  readonly column: string | null;
}

/** One live process. Columns `loop`, `memory` and `cpu` with `column` behind. */
export interface ProcessNow {
  readonly id: string;
  readonly pid: string;
  readonly host: string;
  readonly service: string;
  readonly startedAtMs: Known;
  /** Seconds. */
  readonly loop: Known;
  readonly utilization: Known;
  /** Bytes. */
  readonly memory: Known;
  readonly heap: Known;
  /** Of all processors of its host, 0 to 1. */
  readonly cpu: Known;
  readonly column: string | null;
}

export interface HostNow {
  readonly name: string;
  /** Of all processors, 0 to 1. */
  readonly cpu: Known;
  readonly memoryUsed: Known;
  readonly memoryTotal: Known;
  readonly diskUsed: Known;
  readonly diskTotal: Known;
  /** Bytes per second. */
  readonly received: Known;
  readonly sent: Known;
  readonly column: string | null;
}

/** One health check of the application, over its live processes. */
export interface CheckNow {
  readonly name: string;
  readonly critical: boolean;
  readonly up: number;
  readonly down: number;
}

/** All metrics, as the exposition names them. */
export interface FamiliesAnswer {
  readonly families: readonly FamilyName[];
}

export interface FamilyName {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  readonly series: number;
}

/** One metric. */
export interface FamilyAnswer extends FamilyName {
  /** Unix milliseconds, of the curves. */
  readonly times: readonly number[];
  /** Largest first. */
  readonly points: readonly PointNow[];
}

export interface PointNow {
  readonly labels: ReadonlyArray<readonly [name: string, value: string]>;
  /** As the exposition says; of a histogram `_count`. */
  readonly value: Known;
  /** Of a histogram `_sum`. */
  readonly sum: Known;
  /** Of a counter or a histogram, per second. */
  readonly perSecond: Known;
  /** Of a histogram, over the last seconds. */
  readonly p50: Known;
  readonly p95: Known;
  readonly p99: Known;
  /** What the curve shows: per second of a counter or a histogram, else the value. Empty: this one has none. */
  readonly curve: readonly Known[];
}

/** The projects of `orchestrator serve`. */
export interface ProjectsAnswer {
  readonly version: string;
  readonly store: string;
  readonly projects: ReadonlyArray<{ readonly prefix: string; readonly project: string }>;
}
