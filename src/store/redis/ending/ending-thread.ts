import path from 'node:path';
import { Worker } from 'node:worker_threads';

import { reason } from '../../../errors.js';
import { EndingReport, type EndingOutcome } from './ending-report.js';
import type { EndingWork } from './ending-worker.js';

/**
 * Sends the last parts of this process in a thread of its own, and holds this one until it has, or the time is up: in the `exit`
 * event nothing asynchronous happens any more. Where threads are not allowed it has failed.
 */
export function sendInThread(
  work: Omit<EndingWork, 'report'>,
  waitMs: number,
): { readonly outcome: EndingOutcome; readonly why: string } {
  const memory = EndingReport.memory();
  const report = new EndingReport(memory);
  try {
    const workerData: EndingWork = { ...work, report: memory };
    // No preload of the application, ours included, and no option of it: neither from its command line nor from NODE_OPTIONS.
    const options = { workerData, execArgv: [], env: {}, stdout: true, stderr: true };
    const worker = new Worker(path.join(__dirname, 'ending-worker.js'), options);
    // Should the process live on all the same.
    worker.on('error', () => undefined);
    worker.unref();
  } catch (error) {
    return { outcome: 'failed', why: reason(error) };
  }
  const outcome = report.wait(waitMs);
  return { outcome, why: outcome === 'late' ? `it has not answered within ${waitMs} ms.` : report.reason };
}
