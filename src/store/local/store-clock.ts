import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** When a host was started, by the store's time. */
export interface BootTime {
  /** Tells one start of a host from the next. */
  readonly boot: string;
  readonly bootAtMs: number;
}

/** Only Linux has a name for each start of a host. A host of another system was started again if its time is this far behind. */
const RESTARTED_MS = 60_000;

/**
 * The clock of a local store: the time since the host was started, which is the same for all its processes, added to a start
 * time that the first of them writes into the log. Nobody can set it. If leases followed the wall clock, one that is set
 * forward would end them all, and one that is set back would keep dead processes and their locks alive.
 */
export class StoreClock {
  #bootAtMs: number | undefined;

  /**
   * The store's time in Unix milliseconds.
   *
   * @param agreed the start time in the log
   * @param latestAtMs the time of the latest change in the log. Time does not go back when the host is started again, or
   *   when the files move to another one.
   */
  now(agreed: BootTime | undefined, latestAtMs: number): number {
    const upMs = millisecondsSinceBoot();
    if (agreed?.boot === boot()) this.#bootAtMs = agreed.bootAtMs;
    if (this.#bootAtMs === undefined || this.#bootAtMs + upMs < latestAtMs - RESTARTED_MS)
      this.#bootAtMs = Math.max(Date.now(), latestAtMs) - upMs;
    return Math.max(this.#bootAtMs + upMs, latestAtMs);
  }

  /** The start time that the next record has to carry, for the other processes. Undefined if the log has it. */
  unannounced(agreed: BootTime | undefined): BootTime | undefined {
    if (this.#bootAtMs === undefined) return undefined;
    if (agreed?.boot === boot() && agreed.bootAtMs === this.#bootAtMs) return undefined;
    return { boot: boot(), bootAtMs: this.#bootAtMs };
  }
}

/** A time that leaps so far ahead is none: it would let all series expire. */
const MAX_LEAP_MS = 10 * 365 * 86_400_000;

/** Before this time a host has not asked anybody for the time, and will leap. */
const CLOCK_WAS_SET_MS = Date.UTC(2020, 0);

/** Whether a time can be that of a record that follows one of `latestAtMs`. */
export function isInTime(atMs: number, latestAtMs: number): boolean {
  return latestAtMs < CLOCK_WAS_SET_MS || atMs <= latestAtMs + MAX_LEAP_MS;
}

/** The start time of two records: the later one of one start of a host, so that time does not go back; else the newer record's. */
export function agreeOn(known: BootTime | undefined, next: BootTime | undefined): BootTime | undefined {
  if (next === undefined) return known;
  return known?.boot === next.boot && known.bootAtMs > next.bootAtMs ? known : next;
}

/** The same in all processes of a host, and for all threads. */
function millisecondsSinceBoot(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

let known: string | undefined;

function boot(): string {
  return (known ??= readBoot());
}

function readBoot(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return hostname();
  }
}
