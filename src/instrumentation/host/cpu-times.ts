import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';

/** The states of `system.cpu.state`, in the order of {@link CpuTimes}. */
export const CPU_STATES: readonly string[] = ['user', 'system', 'idle', 'interrupt', 'nice'];

export interface CpuTimes {
  /** Number of logical CPUs. */
  readonly cpus: number;
  /** Seconds since boot, summed over all CPUs, for each of {@link CPU_STATES}. */
  readonly seconds: readonly number[];
}

/** Ticks of /proc/stat in a second: USER_HZ, which is 100 on every architecture that Node is built for. */
const TICKS_PER_SECOND = 100;

/** The columns of /proc/stat (man 5 proc) that Node itself reads, in the order of {@link CPU_STATES}. */
const TOTAL = /^cpu +(?<user>\d+) (?<nice>\d+) (?<system>\d+) (?<idle>\d+) \d+ (?<interrupt>\d+)/;

/**
 * Reads how the CPUs of this host spent their time. On Linux from /proc/stat, off the main thread: with many CPUs the
 * kernel takes some milliseconds to write it, and `os.cpus()` reads another file for each CPU on the main thread.
 */
export async function readCpuTimes(): Promise<CpuTimes> {
  if (process.platform === 'linux') {
    const found = await readFile('/proc/stat', 'latin1').then(parseStat, () => undefined);
    if (found !== undefined) return found;
  }
  const all = cpus();
  const milliseconds = (of: (times: (typeof all)[number]['times']) => number): number =>
    all.reduce((sum, { times }) => sum + of(times), 0);
  return {
    cpus: all.length,
    seconds: [
      milliseconds(({ user }) => user) / 1000,
      milliseconds(({ sys }) => sys) / 1000,
      milliseconds(({ idle }) => idle) / 1000,
      milliseconds(({ irq }) => irq) / 1000,
      milliseconds(({ nice }) => nice) / 1000,
    ],
  };
}

/** Undefined if it is not what Linux writes. */
function parseStat(text: string): CpuTimes | undefined {
  const total = TOTAL.exec(text)?.groups;
  if (total === undefined) return undefined;
  return {
    cpus: text.match(/^cpu\d/gm)?.length ?? 1,
    seconds: CPU_STATES.map((state) => Number(total[state]) / TICKS_PER_SECOND),
  };
}

let counted: number | undefined;

/** The number of logical CPUs that are online. Cheap enough for every collection: `os.cpus()` is asked at most once. */
export function cpuCount(): number {
  if (process.platform === 'linux') {
    const online = onlineCpus();
    if (online > 0) return online;
  }
  counted ??= Math.max(1, cpus().length);
  return counted;
}

/** 0 if the kernel does not say. */
function onlineCpus(): number {
  let text: string;
  try {
    text = readFileSync('/sys/devices/system/cpu/online', 'latin1');
  } catch {
    return 0;
  }
  let count = 0;
  for (const { groups } of text.matchAll(/(?<first>\d+)(?:-(?<last>\d+))?/g)) {
    const first = Number(groups?.['first']);
    count += Number(groups?.['last'] ?? first) - first + 1;
  }
  return count;
}
