import { QUEUE_NAMES } from '../broker/queues.js';
import { createLog } from '../log/log.js';
import { beginAtZero, observeQueues } from '../metrics/metrics.js';
import type { Settings } from '../settings/settings.js';
import { runDaemon } from '../workflow/daemon.js';
import { EXIT, runManually, runOneStep } from '../workflow/manual.js';
import { endSignal, instanceName, tell } from './process.js';
import { progressBars } from './progress-bars.js';
import { openWorkshop, type OpenedWorkshop } from './workshop.js';

/** The name of the process in PM2, in logs and in the ledger. */
const PROCESS = 'daily-orchestrator';

export async function daemonCommand(settings: Settings): Promise<number> {
  const signal = endSignal();
  const log = createLog(instanceName(PROCESS), settings);
  return withWorkshop(PROCESS, settings, log, signal, async (workshop) => {
    beginAtZero();
    const stopObserving = observeQueues(QUEUE_NAMES, workshop.depthOf);
    const { taken } = workshop.ledger;
    await runDaemon(workshop, AbortSignal.any([signal, taken]));
    stopObserving();
    log.info('stopped');
    // Whoever keeps it running starts it anew: PM2, Compose.
    return taken.aborted ? EXIT.failure : EXIT.success;
  });
}

export async function manualCommand(settings: Settings, from: string | undefined): Promise<number> {
  return attended(settings, (workshop, signal) => runManually(workshop, from, signal, tell));
}

export async function stepCommand(settings: Settings, step: string): Promise<number> {
  return attended(settings, (workshop, signal) => runOneStep(workshop, step, signal, tell));
}

/** Somebody looks on, perhaps at a terminal: then there are bars instead of log lines. */
async function attended(
  settings: Settings,
  work: (workshop: OpenedWorkshop, signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const signal = endSignal();
  const terminal = process.stdout.isTTY;
  const log = createLog(`${PROCESS}-manual`, settings, !terminal);
  return withWorkshop(
    `${PROCESS}-manual`,
    settings,
    log,
    signal,
    async (workshop) => {
      const stopObserving = observeQueues(QUEUE_NAMES, workshop.depthOf);
      const bars = terminal ? progressBars() : undefined;
      try {
        const seen = bars === undefined ? workshop : { ...workshop, progress: bars.show };
        return await work(seen, signal);
      } finally {
        bars?.stop();
        stopObserving();
      }
    },
    settings.RECONNECT_LIMIT,
  );
}

/** @param withinMs how long broker and database are waited for; undefined: for as long as it takes */
export async function withWorkshop(
  name: string,
  settings: Settings,
  log: ReturnType<typeof createLog>,
  signal: AbortSignal,
  work: (workshop: OpenedWorkshop) => Promise<number>,
  withinMs?: number,
): Promise<number> {
  let workshop: OpenedWorkshop;
  const late = new AbortController();
  const timer = withinMs === undefined ? undefined : setTimeout(() => late.abort(), withinMs);
  try {
    workshop = await openWorkshop(name, settings, log, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (!signal.aborted && !late.signal.aborted) throw error;
    if (late.signal.aborted) tell('Given up: RabbitMQ or PostgreSQL does not answer. The log says why.');
    return EXIT.interrupted;
  } finally {
    clearTimeout(timer);
  }
  try {
    return await work(workshop);
  } finally {
    await workshop.close();
  }
}
