import { createLog, type Log } from '../log/log.js';
import { beginAtZero, observeQueues } from '../metrics/metrics.js';
import type { Settings } from '../settings/settings.js';
import { unlessAborted } from '../broker/broker.js';
import { WORKER_KINDS, type WorkerKind } from '../workers/kinds.js';
import { Worker } from '../workers/worker.js';
import { EXIT, runOneStep } from '../workflow/manual.js';
import { endSignal, instanceName, tell } from './process.js';
import { withWorkshop } from './run-command.js';

/** After the signal, what is in hand has so long to be settled; the rest is delivered again, to somebody else. */
const SETTLE_MS = 10_000;

export interface WorkerOptions {
  /** Another system's queue. */
  readonly queue?: string | undefined;
  /** End when the step is done, instead of waiting for further messages. */
  readonly untilEmpty?: boolean | undefined;
}

export async function workerCommand(
  settings: Settings,
  step: string,
  { queue, untilEmpty = false }: WorkerOptions,
): Promise<number> {
  const kind = WORKER_KINDS.find((candidate) => candidate.step === step) as WorkerKind<unknown> | undefined;
  if (kind === undefined) throw new Error(`There is no worker ${step}.`);
  const signal = endSignal();
  const log = createLog(instanceName(logName(kind, queue)), settings);
  return withWorkshop(
    kind.process,
    settings,
    log,
    signal,
    async (workshop) => {
      const name = queue ?? kind.queue;
      const end = new AbortController();
      const worker = new Worker(kind, name, { ...workshop, prefetch: settings.PREFETCH, end: end.signal });
      beginAtZero([step]);
      const stopObserving = observeQueues([name], workshop.depthOf);
      worker.start();
      const code = untilEmpty
        ? await runOneStep(workshop, step, signal, tell)
        : await untilTold(signal, workshop.ledger.taken);
      await stop(worker, end, log);
      stopObserving();
      return code;
    },
    untilEmpty ? settings.RECONNECT_LIMIT : undefined,
  );
}

/** A process whose slot is taken starts anew: PM2 and Compose do that, and it takes another one. */
async function untilTold(signal: AbortSignal, taken: AbortSignal): Promise<number> {
  const either = AbortSignal.any([signal, taken]);
  await unlessAborted(new Promise<never>(() => undefined), either).catch(() => undefined);
  return taken.aborted ? EXIT.failure : EXIT.success;
}

/** A worker of another system's queue has log files of its own: two processes cannot rotate the same one. */
function logName({ process }: WorkerKind<unknown>, queue: string | undefined): string {
  return queue === undefined ? process : `${process}-${encodeURIComponent(queue)}`;
}

async function stop(worker: Worker<unknown>, end: AbortController, log: Log): Promise<void> {
  log.info({ inHand: worker.busy }, 'stopping');
  const timer = setTimeout(() => end.abort(new Error('the time to settle is over')), SETTLE_MS);
  await worker.stop();
  clearTimeout(timer);
  log.info('stopped');
}
