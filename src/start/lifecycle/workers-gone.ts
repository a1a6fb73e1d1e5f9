import cluster, { type Worker } from 'node:cluster';

import type { EndingSignal } from './signal-listeners.js';

/**
 * Resolves when all workers of this cluster's primary have ended. When a primary dies its workers exit at once, without a
 * chance to flush. So it waits for them, and passes on a SIGTERM, which a container runtime sends to the primary alone; a
 * terminal's SIGINT has reached them already.
 */
export async function workersGone(signal: EndingSignal): Promise<void> {
  if (!cluster.isPrimary) return;
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  await Promise.all(workers.map((worker) => gone(worker, signal)));
}

function gone(worker: Worker, signal: EndingSignal): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve());
    if (worker.isDead()) resolve();
    else if (signal === 'SIGTERM') worker.process.kill(signal);
  });
}
