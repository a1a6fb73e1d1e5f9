import { liveView, type LiveView } from '../live/live-view.js';
import { changesBetween } from '../live/snapshot-changes.js';
import { HTTP_METRICS, httpTotals, type RouteTraffic, type Traffic } from '../live/traffic.js';
import type { Snapshot } from '../model/snapshot.js';
import { CurrentValues } from './current-values.js';
import { rounded } from './history.js';
import { HOST_METRICS, hostRows } from './host-rows.js';
import { checkRows, PROCESS_METRICS, processRows } from './process-rows.js';
import type { CheckNow, HostNow, Now, ProcessNow, RouteNow, TrafficNow } from './protocol.js';

/** Rows of a table that are sent; the busiest, or the oldest processes. */
const MAX_ROWS = 300;

const SHOWN = new Set([...HTTP_METRICS, ...PROCESS_METRICS, ...HOST_METRICS, 'process.cpu.time']);

/** The part of a snapshot that the page shows at once: what is kept of it for some seconds is small. */
export function shownPart(snapshot: Snapshot): Snapshot {
  return { ...snapshot, families: snapshot.families.filter(({ family }) => SHOWN.has(family.name)) };
}

/** What the page shows of two snapshots of {@link shownPart}; `series` are counted elsewhere. */
export interface PageView {
  readonly live: LiveView;
  readonly now: Now;
}

export function pageView(before: Snapshot, after: Snapshot, seconds: number): PageView {
  const live = liveView(before, after, seconds);
  const current = new CurrentValues(after.families);
  const hostChanges = changesBetween(only(before, HOST_METRICS), only(after, HOST_METRICS));
  const lists = {
    routes: routeRows(live, after),
    processes: processRows(after, current),
    hosts: hostRows(current, hostChanges, seconds),
    checks: checkRows(current),
  };
  const leftOut = Object.values(lists).reduce((sum, { length }) => sum + Math.max(0, length - MAX_ROWS), 0);
  return {
    live,
    now: {
      seconds,
      instances: after.instances,
      series: live.series,
      total: totalOf(live.total, lists.routes),
      routes: first<RouteNow>(lists.routes),
      processes: first<ProcessNow>(lists.processes),
      hosts: first<HostNow>(lists.hosts),
      checks: first<CheckNow>(lists.checks),
      leftOut,
    },
  };
}

function first<Row>(rows: readonly Row[]): Row[] {
  return rows.slice(0, MAX_ROWS);
}

function only(snapshot: Snapshot, names: readonly string[]): Snapshot {
  return { ...snapshot, families: snapshot.families.filter(({ family }) => names.includes(family.name)) };
}

/** All routes that were ever asked for, busiest first. */
function routeRows({ routes }: LiveView, after: Snapshot): RouteNow[] {
  const keyOf = ({ method, route }: Pick<RouteTraffic, 'method' | 'route'>): string => `${method} ${route}`;
  const traffic = new Map(routes.map((one) => [keyOf(one), one]));
  const rows = httpTotals(after.families).map((total): RouteNow => ({
    method: total.method,
    route: total.route,
    ...trafficOf(traffic.get(keyOf(total)), total.requests, total.errors),
    column: null,
  }));
  return rows.toSorted((a, b) => b.perSecond - a.perSecond || b.requests - a.requests);
}

function totalOf(total: Traffic, routes: readonly RouteNow[]): TrafficNow {
  const sum = (key: 'requests' | 'failed'): number => routes.reduce((all, route) => all + route[key], 0);
  return trafficOf(total, sum('requests'), sum('failed'));
}

function trafficOf(traffic: Traffic | undefined, requests: number, failed: number): TrafficNow {
  return {
    requests,
    failed,
    perSecond: rounded(traffic?.perSecond) ?? 0,
    errorShare: rounded(traffic?.errorShare),
    p50: rounded(traffic?.p50),
    p95: rounded(traffic?.p95),
    p99: rounded(traffic?.p99),
  };
}
