import cluster, { type Worker } from 'node:cluster';

import { attributeOf } from '../../model/series.js';
import type { SnapshotInstance } from '../../model/snapshot.js';
import type { MetricStore } from '../../store/metric-store.js';

/** After these a worker has flushed and has ended its lease itself. */
const HEARD: ReadonlySet<string> = new Set(['SIGTERM', 'SIGINT', 'SIGHUP']);

/**
 * In a cluster's primary: ends the lease of a worker that was killed, at once. It would count as alive until its lease is over,
 * together with the worker that takes its place. Where `service.instance.id` is set to something else than the lease,
 * nothing happens: the lease ends by itself.
 *
 * @param own the lease of this process
 * @returns stops looking
 */
export function watchKilledWorkers(
  store: Pick<MetricStore, 'snapshot' | 'endLease'>,
  own: string,
): () => void {
  if (!cluster.isPrimary) return () => undefined;
  const clear = (worker: Worker, _code: number, signal: string | null): void => {
    if (signal === null || HEARD.has(signal)) return;
    // A store that cannot be reached now has ended the lease by the time when it can.
    void endLeaseOf(worker, store, own).catch(() => undefined);
  };
  cluster.on('exit', clear);
  return () => cluster.removeListener('exit', clear);
}

async function endLeaseOf(
  { process: { pid } }: Worker,
  store: Pick<MetricStore, 'snapshot' | 'endLease'>,
  own: string,
): Promise<void> {
  const { processes = [] } = await store.snapshot();
  const host = hostOf(processes.find(({ id }) => id === own));
  const killed = processes.find(
    (one) =>
      hostOf(one) === host && attributeOf(one.resource, 'process.pid') === String(pid) && one.id !== own,
  );
  if (host !== undefined && killed !== undefined) await store.endLease(killed.id);
}

/** Processes of several hosts may have the same number. */
function hostOf(instance: SnapshotInstance | undefined): string | undefined {
  return instance && attributeOf(instance.resource, 'host.name');
}
