import type { StoreContext } from '../../metric-store.js';
import { assertOwnProject } from '../../project-errors.js';
import { strings } from '../connection/commands.js';
import type { RedisConnection } from '../connection/connection.js';
import { explain } from '../connection/failure.js';
import { MAX_UNKNOWN_LEASE_MS } from '../scripts/end-leases.js';
import type { RedisKeys } from '../scripts/keys.js';

/** When a lease ends, by Redis' clock. */
export interface Lease {
  readonly lease: string;
  readonly endsAtMs: number;
}

/** What is read of a project first. */
export interface ProjectHead {
  /** Redis' clock. */
  readonly nowMs: number;
  /** Those that have not ended. */
  readonly leases: readonly Lease[];
}

/**
 * Rejects if the data belong to another project, or to another version of the package.
 *
 * @param onUnreadable is told of a key of another type, which is then read as if it were not there. Without it, that rejects
 */
export async function readHead(
  connection: RedisConnection,
  keys: RedisKeys,
  context: Pick<StoreContext, 'prefix' | 'project'>,
  onUnreadable?: (key: string) => void,
): Promise<ProjectHead> {
  const [time, names, leases] = await connection.read([
    ['TIME'],
    ['HMGET', keys.project, 'schema', 'name'],
    ['ZRANGE', keys.instances, '0', '-1', 'WITHSCORES'],
  ]);
  for (const [key, reply] of [
    [keys.project, names],
    [keys.instances, leases],
  ] as const) {
    if (!(reply instanceof Error)) continue;
    if (onUnreadable === undefined) throw explain(reply, connection.description);
    onUnreadable(key);
  }
  const [schema, name] = strings(names);
  assertOwnProject(context, schema, name);
  const [seconds, microseconds] = strings(time);
  const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
  return { nowMs, leases: leasesAfter(strings(leases), nowMs) };
}

/** A lease that ends later than any batch could have said was given before Redis' clock was set back. */
export function isAlive({ endsAtMs }: Lease, leaseMs: number | undefined, nowMs: number): boolean {
  const isSaid = leaseMs !== undefined && !Number.isNaN(leaseMs);
  return endsAtMs - nowMs <= (isSaid ? 2 * leaseMs : MAX_UNKNOWN_LEASE_MS);
}

/** Pairs of lease and score; those that have ended are left out. */
function leasesAfter(pairs: readonly string[], nowMs: number): Lease[] {
  const leases: Lease[] = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const endsAtMs = Number(pairs[index + 1]);
    if (endsAtMs > nowMs) leases.push({ lease: pairs[index] ?? '', endsAtMs });
  }
  return leases;
}
