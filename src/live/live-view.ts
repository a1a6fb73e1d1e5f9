import type { Snapshot } from '../model/snapshot.js';
import { changesBetween, type FamilyChanges } from './snapshot-changes.js';
import { httpTraffic, type RouteTraffic, type Traffic } from './traffic.js';

/** What a person who watches a project sees. */
export interface LiveView {
  /** The time that rates are over. */
  readonly seconds: number;
  /** Live processes. */
  readonly instances: number;
  readonly series: number;
  readonly total: Traffic;
  readonly routes: readonly RouteTraffic[];
  /** Of the process where it is worst, seconds; undefined if nobody measures it. */
  readonly loopDelayP99: number | undefined;
  /** Resident, of all processes together, bytes. */
  readonly memoryBytes: number | undefined;
  /** Processors that all processes together use; 1 is one of them. */
  readonly cpus: number | undefined;
}

/** What happened between two snapshots of a project, `seconds` apart. */
export function liveView(before: Snapshot, after: Snapshot, seconds: number): LiveView {
  return viewOf(changesBetween(before, after), after, seconds);
}

/** The same from what has changed, for a caller that lets others run in between. */
export function viewOf(changes: readonly FamilyChanges[], after: Snapshot, seconds: number): LiveView {
  const { total, routes } = httpTraffic(changes, seconds);
  const delays = currentValues(changes, 'nodejs.eventloop.delay.p99');
  const memory = currentValues(changes, 'process.memory.usage');
  return {
    seconds,
    instances: after.instances,
    series: after.families.reduce((sum, { series }) => sum + series.length, 0),
    total,
    routes,
    loopDelayP99: delays.length > 0 ? Math.max(...delays) : undefined,
    memoryBytes: memory.length > 0 ? memory.reduce((sum, value) => sum + value, 0) : undefined,
    cpus: cpusOf(changes, seconds),
  };
}

/** Values of the later snapshot, of all series of a gauge. */
function currentValues(changes: readonly FamilyChanges[], name: string): number[] {
  return changes
    .filter(({ family }) => family.name === name)
    .flatMap(({ series }) => series.flatMap(({ after }) => after?.[0] ?? []))
    .filter((value) => Number.isFinite(value));
}

function cpusOf(changes: readonly FamilyChanges[], seconds: number): number | undefined {
  const times = changes.filter(({ family }) => family.name === 'process.cpu.time');
  if (times.length === 0 || !(seconds > 0)) return undefined;
  const used = times.flatMap(({ series }) => series.map(({ difference }) => difference[0] ?? 0));
  return used.reduce((sum, value) => sum + value, 0) / seconds;
}
