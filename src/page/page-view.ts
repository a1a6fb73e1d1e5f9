import { yieldToEventLoop } from '../event-loop/fair-yield.js';
import { viewOf, type LiveView } from '../live/live-view.js';
import { changesBetween } from '../live/snapshot-changes.js';
import {
  HTTP_METRICS,
  httpTotals,
  type RouteTotal,
  type RouteTraffic,
  type Traffic,
} from '../live/traffic.js';
import type { Snapshot } from '../model/snapshot.js';
import { CurrentValues } from './current-values.js';
import { rounded } from './history.js';
import { HOST_METRICS, hostRows } from './host-rows.js';
import { checkRows, PROCESS_METRICS, processRows } from './process-rows.js';
import type { Now, RouteNow, TrafficNow } from './protocol.js';

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

/** In pieces of a few milliseconds: a project may have thousands of routes. */
export async function pageView(before: Snapshot, after: Snapshot, seconds: number): Promise<PageView> {
  const changes = changesBetween(before, after);
  await yieldToEventLoop();
  const live = viewOf(changes, after, seconds);
  await yieldToEventLoop();
  const totals = httpTotals(after.families);
  await yieldToEventLoop();
  const current = new CurrentValues(after.families);
  const hostChanges = changes.filter(({ family }) => HOST_METRICS.includes(family.name));
  const processes = processRows(after, current);
  const hosts = hostRows(current, hostChanges, seconds);
  const checks = checkRows(current);
  const lists = [totals, processes, hosts, checks];
  return {
    live,
    now: {
      seconds,
      instances: after.instances,
      series: live.series,
      total: totalOf(live.total, totals),
      routes: routeRows(live, totals),
      processes: processes.slice(0, MAX_ROWS),
      hosts: hosts.slice(0, MAX_ROWS),
      checks: checks.slice(0, MAX_ROWS),
      leftOut: lists.reduce((sum, { length }) => sum + Math.max(0, length - MAX_ROWS), 0),
    },
  };
}

/** All routes that were ever asked for, busiest first. */
function routeRows({ routes }: LiveView, totals: readonly RouteTotal[]): RouteNow[] {
  const keyOf = ({ method, route }: RouteTotal | RouteTraffic): string => `${method} ${route}`;
  const traffic = new Map(routes.map((one) => [keyOf(one), one]));
  const rows = totals.map((total) => ({ total, traffic: traffic.get(keyOf(total)) }));
  const rateOf = (row: (typeof rows)[number]): number => row.traffic?.perSecond ?? 0;
  const busiest = rows.toSorted((a, b) => rateOf(b) - rateOf(a) || b.total.requests - a.total.requests);
  return busiest.slice(0, MAX_ROWS).map(({ total, traffic: own }): RouteNow => ({
    method: total.method,
    route: total.route,
    ...trafficOf(own, total.requests, total.errors),
    column: null,
  }));
}

function totalOf(total: Traffic, routes: readonly RouteTotal[]): TrafficNow {
  const sum = (key: 'requests' | 'errors'): number => routes.reduce((all, route) => all + route[key], 0);
  return trafficOf(total, sum('requests'), sum('errors'));
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
