import type { FamilyChanges } from '../live/snapshot-changes.js';
import { attributeOf } from '../model/series.js';
import type { SnapshotSeries } from '../model/snapshot.js';
import type { CurrentValues } from './current-values.js';
import { rounded } from './history.js';
import type { HostNow } from './protocol.js';

const NETWORK = 'system.network.io';

export const HOST_METRICS: readonly string[] = [
  'system.cpu.utilization',
  'system.memory.usage',
  'system.filesystem.usage',
  NETWORK,
];

const BY_HOST = 'host.name';

/** The hosts, by name. `column` is left to the history. */
export function hostRows(
  current: CurrentValues,
  changes: readonly FamilyChanges[],
  seconds: number,
): HostNow[] {
  const idle = current.sums('system.cpu.utilization', BY_HOST, stateIs('system.cpu.state', 'idle'));
  const total = current.sums('system.memory.usage', BY_HOST);
  const used = current.sums('system.memory.usage', BY_HOST, stateIs('system.memory.state', 'used'));
  const disk = current.sums('system.filesystem.usage', BY_HOST);
  const diskUsed = current.sums(
    'system.filesystem.usage',
    BY_HOST,
    stateIs('system.filesystem.state', 'used'),
  );
  const network = networkOf(changes, seconds);
  const names = [...new Set([...idle.keys(), ...total.keys(), ...disk.keys()])];
  return names.toSorted().map((name) => {
    const idleShare = idle.get(name);
    return {
      name,
      cpu: rounded(idleShare === undefined ? undefined : Math.min(1, Math.max(0, 1 - idleShare))),
      memoryUsed: used.get(name) ?? null,
      memoryTotal: total.get(name) ?? null,
      diskUsed: diskUsed.get(name) ?? null,
      diskTotal: disk.get(name) ?? null,
      received: rounded(network.get(`receive ${name}`)),
      sent: rounded(network.get(`transmit ${name}`)),
      column: null,
    };
  });
}

function stateIs(key: string, state: string): (series: SnapshotSeries) => boolean {
  return ({ series }) => attributeOf(series.attributes, key) === state;
}

/** Bytes per second, by direction and host. */
function networkOf(changes: readonly FamilyChanges[], seconds: number): ReadonlyMap<string, number> {
  const rates = new Map<string, number>();
  if (!(seconds > 0)) return rates;
  for (const { family, series } of changes) {
    if (family.name !== NETWORK) continue;
    for (const { series: one, difference, before } of series) {
      // The total since the start of the host is no traffic of the last seconds.
      if (before === undefined) continue;
      const attribute = (name: string): string => attributeOf(one.attributes, name) ?? '';
      const key = `${attribute('network.io.direction')} ${attribute(BY_HOST)}`;
      rates.set(key, (rates.get(key) ?? 0) + (difference[0] ?? 0) / seconds);
    }
  }
  return rates;
}
