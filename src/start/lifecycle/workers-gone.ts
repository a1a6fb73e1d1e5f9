import cluster, { type Worker } from 'node:cluster';

import type { EndingSignal } from './signal-listeners.js';

/**
 * Resolves when all workers of this cluster's primary have ended. When a primary dies its workers exit at once, and what they
 * are answering is cut off. So it waits for them, and passes on a SIGTERM, which a container runtime sends to the primary alone;
 * a terminal's SIGINT has reached them already. After another signal they exit as they would without us.
 */
export async function workersGone(signal: EndingSignal): Promise<void> {
  if (!cluster.isPrimary || (signal !== 'SIGTERM' && signal !== 'SIGINT')) return;
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
