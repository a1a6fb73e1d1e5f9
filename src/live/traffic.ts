import { addDistributions, type Distribution, distributionOf, quantile } from '../model/distribution.js';
import type { Family } from '../model/family.js';
import { attributeOf, type Attributes } from '../model/series.js';
import type { SnapshotFamily } from '../model/snapshot.js';
import type { FamilyChanges } from './snapshot-changes.js';

/** Requests of one route and method, or of all, over some time. */
export interface Traffic {
  readonly requests: number;
  readonly perSecond: number;
  readonly errors: number;
  /** Of the requests, 0 to 1; undefined without requests. */
  readonly errorShare: number | undefined;
  /** Seconds; undefined without requests. */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

export interface RouteTraffic extends Traffic {
  readonly method: string;
  /** As a template; empty where no route matched. */
  readonly route: string;
}

/** How one naming of HTTP metrics says what this wants to know. */
interface Naming {
  readonly metric: string;
  readonly method: string;
  /** The first that a series has. */
  readonly route: readonly string[];
  readonly status: string;
  readonly error: string | undefined;
}

/** Both say the same where an application has both, so the first that is there counts. */
const NAMINGS: readonly Naming[] = [
  {
    metric: 'http.server.request.duration',
    method: 'http.request.method',
    route: ['http.route'],
    status: 'http.response.status_code',
    error: 'error.type',
  },
  {
    metric: 'http_request_duration_seconds',
    method: 'method',
    route: ['endpoint', 'action'],
    status: 'code',
    error: undefined,
  },
];

interface Sum {
  readonly method: string;
  readonly route: string;
  distribution: Distribution;
  errors: number;
}

const NOTHING: Distribution = { count: 0, sum: 0, boundaries: [], counts: [0] };

/** The HTTP traffic of a project between two snapshots, by route and method, and all together. Busiest first. */
export function httpTraffic(
  changes: readonly FamilyChanges[],
  seconds: number,
): { readonly total: Traffic; readonly routes: readonly RouteTraffic[] } {
  const { naming, families } = durationsOf(changes);
  const sums = new Map<string, Sum>();
  const total: Sum = { method: '', route: '', distribution: NOTHING, errors: 0 };
  for (const { family, series } of families) {
    for (const { series: one, status, difference } of series) {
      // Most routes, most of the time.
      if (status === 'same') continue;
      const added = distributionOf(family, difference);
      if (naming === undefined || added.count === 0) continue;
      const failed = isFailure(one.attributes, naming);
      for (const sum of [total, sumOf(sums, one.attributes, naming)]) {
        sum.distribution = addDistributions(sum.distribution, added);
        if (failed) sum.errors += added.count;
      }
    }
  }
  const routes = Array.from(sums.values(), (sum) => ({
    method: sum.method,
    route: sum.route,
    ...trafficOf(sum, seconds),
  }));
  return {
    total: trafficOf(total, seconds),
    routes: routes.toSorted((a, b) => b.requests - a.requests || (a.route < b.route ? -1 : 1)),
  };
}

/** Requests of one route and method that a project has ever counted. */
export interface RouteTotal {
  readonly method: string;
  readonly route: string;
  readonly requests: number;
  readonly errors: number;
}

/** What an exposition says of the same: all that was ever counted, by route and method. */
export function httpTotals(all: readonly SnapshotFamily[]): RouteTotal[] {
  const { naming, families } = durationsOf(all);
  const totals = new Map<string, { method: string; route: string; requests: number; errors: number }>();
  if (naming === undefined) return [];
  for (const { family, series } of families) {
    for (const { series: one, values } of series) {
      const { method, route } = placeOf(one.attributes, naming);
      const key = `${method} ${route}`;
      let total = totals.get(key);
      if (total === undefined) totals.set(key, (total = { method, route, requests: 0, errors: 0 }));
      const { count } = distributionOf(family, Array.from(values));
      total.requests += count;
      if (isFailure(one.attributes, naming)) total.errors += count;
    }
  }
  return [...totals.values()];
}

/** The metrics that count requests, all of one naming. */
function durationsOf<One extends { readonly family: Family }>(
  all: readonly One[],
): { readonly naming: Naming | undefined; readonly families: readonly One[] } {
  const naming = NAMINGS.find(({ metric }) => all.some((one) => isDuration(one, metric)));
  return { naming, families: all.filter((one) => naming !== undefined && isDuration(one, naming.metric)) };
}

/** Names of metrics that {@link httpTraffic} and {@link httpTotals} look at. */
export const HTTP_METRICS: readonly string[] = NAMINGS.map(({ metric }) => metric);

function isDuration({ family: { name, type } }: { readonly family: Family }, metric: string): boolean {
  return name === metric && (type === 'histogram' || type === 'exponentialhistogram');
}

function sumOf(sums: Map<string, Sum>, attributes: Attributes, naming: Naming): Sum {
  const { method, route } = placeOf(attributes, naming);
  const key = `${method} ${route}`;
  let sum = sums.get(key);
  if (sum === undefined) sums.set(key, (sum = { method, route, distribution: NOTHING, errors: 0 }));
  return sum;
}

function placeOf(attributes: Attributes, naming: Naming): { method: string; route: string } {
  return {
    method: attributeOf(attributes, naming.method) ?? '',
    route: naming.route.map((key) => attributeOf(attributes, key)).find((value) => value !== undefined) ?? '',
  };
}

/** What the semantic conventions count as an error of a server: status 5xx, and requests that ended without an answer. */
function isFailure(attributes: Attributes, { status, error }: Naming): boolean {
  if (error !== undefined && attributeOf(attributes, error) !== undefined) return true;
  return Number(attributeOf(attributes, status)) >= 500;
}

function trafficOf({ distribution, errors }: Sum, seconds: number): Traffic {
  const { count } = distribution;
  return {
    requests: count,
    perSecond: seconds > 0 ? count / seconds : 0,
    errors,
    errorShare: count > 0 ? errors / count : undefined,
    p50: quantile(0.5, distribution),
    p95: quantile(0.95, distribution),
    p99: quantile(0.99, distribution),
  };
}
