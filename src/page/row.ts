import type { LiveView } from '../live/live-view.js';
import type { HostNow, Now, Overview, ProcessNow, RouteNow } from './protocol.js';

/** Of each list, so many have curves: the first. */
const WITH_CURVES = { processes: 60, hosts: 20 };

/** The columns of one moment. Those of the whole project come first: they always have room. */
export function rowOf(live: LiveView, now: Now): Map<string, number | undefined> {
  const { total } = now;
  const measured = now.seconds > 0;
  const whole: Record<Overview, number | undefined> = {
    instances: now.instances,
    rate: measured ? total.perSecond : undefined,
    errors: total.errorShare ?? undefined,
    p50: total.p50 ?? undefined,
    p95: total.p95 ?? undefined,
    p99: total.p99 ?? undefined,
    loop: live.loopDelayP99,
    memory: live.memoryBytes,
    cpu: measured ? live.cpus : undefined,
  };
  const row = new Map<string, number | undefined>(Object.entries(whole));
  for (const host of now.hosts.slice(0, WITH_CURVES.hosts)) {
    row.set(`host cpu ${host.name}`, host.cpu ?? undefined);
    if (host.memoryTotal !== null && host.memoryUsed !== null)
      row.set(`host memory ${host.name}`, host.memoryUsed / host.memoryTotal);
  }
  for (const one of now.processes.slice(0, WITH_CURVES.processes)) {
    row.set(`loop ${one.id}`, one.loop ?? undefined);
    row.set(`memory ${one.id}`, one.memory ?? undefined);
    row.set(`cpu ${one.id}`, one.cpu ?? undefined);
  }
  if (measured) for (const route of now.routes) row.set(routeColumn(route), route.perSecond);
  return row;
}

/** The same with the names of the columns that there are. */
export function withColumns(now: Now, has: (name: string) => boolean): Now {
  const known = (name: string, by: string): string | null => (has(name) ? by : null);
  return {
    ...now,
    routes: now.routes.map((one): RouteNow => ({
      ...one,
      column: known(routeColumn(one), routeColumn(one)),
    })),
    processes: now.processes.map((one): ProcessNow => ({
      ...one,
      column: known(`memory ${one.id}`, one.id),
    })),
    hosts: now.hosts.map((one): HostNow => ({ ...one, column: known(`host cpu ${one.name}`, one.name) })),
  };
}

function routeColumn({ method, route }: Pick<RouteNow, 'method' | 'route'>): string {
  return `route ${method} ${route}`;
}
