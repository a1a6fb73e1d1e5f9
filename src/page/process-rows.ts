import { attributeOf, type Attributes } from '../model/series.js';
import type { Snapshot } from '../model/snapshot.js';
import type { CurrentValues } from './current-values.js';
import { rounded } from './history.js';
import type { CheckNow, ProcessNow } from './protocol.js';

export const PROCESS_METRICS: readonly string[] = [
  'nodejs.eventloop.delay.p99',
  'nodejs.eventloop.utilization',
  'process.memory.usage',
  'process.cpu.utilization',
  'v8js.memory.heap.used',
  'app_health_status',
];

const BY_INSTANCE = 'service.instance.id';

/** The live processes, oldest first. `column` is left to the history. */
export function processRows({ processes = [] }: Snapshot, current: CurrentValues): ProcessNow[] {
  const of = (name: string): ReadonlyMap<string, number> => current.sums(name, BY_INSTANCE);
  const [loop, utilization] = [of('nodejs.eventloop.delay.p99'), of('nodejs.eventloop.utilization')];
  const [memory, heap] = [of('process.memory.usage'), of('v8js.memory.heap.used')];
  const cpu = of('process.cpu.utilization');
  const rows = processes.map(({ id, resource }): ProcessNow => {
    const startedAtMs = Date.parse(textOf(resource, 'process.creation.time'));
    return {
      id,
      pid: textOf(resource, 'process.pid'),
      host: textOf(resource, 'host.name'),
      service: textOf(resource, 'service.name'),
      startedAtMs: Number.isNaN(startedAtMs) ? null : startedAtMs,
      loop: rounded(loop.get(id)),
      utilization: rounded(utilization.get(id)),
      memory: memory.get(id) ?? null,
      heap: heap.get(id) ?? null,
      cpu: rounded(cpu.get(id)),
      column: null,
    };
  });
  return rows.toSorted((a, b) => (a.startedAtMs ?? 0) - (b.startedAtMs ?? 0) || (a.id < b.id ? -1 : 1));
}

/** The health checks of the application, by name: in how many processes each is up and down. */
export function checkRows(current: CurrentValues): CheckNow[] {
  const rows = new Map<string, { name: string; critical: boolean; up: number; down: number }>();
  for (const { series, values } of current.series('app_health_status')) {
    const name = textOf(series.attributes, 'check');
    let row = rows.get(name);
    if (row === undefined) rows.set(name, (row = { name, critical: false, up: 0, down: 0 }));
    row.critical ||= textOf(series.attributes, 'critical') === 'true';
    row[values[0] === 1 ? 'up' : 'down'] += 1;
  }
  return Array.from(rows.values()).toSorted((a, b) => b.down - a.down || (a.name < b.name ? -1 : 1));
}

function textOf(attributes: Attributes, name: string): string {
  return attributeOf(attributes, name) ?? '';
}
