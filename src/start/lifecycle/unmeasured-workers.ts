import cluster, { type Worker } from 'node:cluster';

/** What loads a preload: its name follows in the same argument or in the next one. */
const PRELOADS = /^(?:--require|-r|--import)(?:=|$)/;

/**
 * Tells of the first cluster worker that is started without the preload that measures this primary: `execArgv` of the
 * application's own replaces that of the primary. NODE_OPTIONS reaches every worker, and so does code.
 *
 * @returns stops looking
 */
export function watchWorkers(tell: () => void): () => void {
  const needed = preloadsOf(process.execArgv);
  if (!cluster.isPrimary || needed.length === 0) return () => undefined;
  const isUnmeasured = ({ process: child }: Worker): boolean => {
    const given = preloadsOf(child.spawnargs);
    return !needed.every((preload) => given.includes(preload));
  };
  // The application may have started workers before our own start.
  if (Object.values(cluster.workers ?? {}).some((worker) => worker !== undefined && isUnmeasured(worker))) {
    tell();
    return () => undefined;
  }
  const look = (worker: Worker): void => {
    if (!isUnmeasured(worker)) return;
    cluster.removeListener('fork', look);
    tell();
  };
  cluster.on('fork', look);
  return () => cluster.removeListener('fork', look);
}

function preloadsOf(args: readonly string[]): string[] {
  return args.flatMap((arg, index) => {
    if (!PRELOADS.test(arg)) return [];
    const at = arg.indexOf('=');
    return [at === -1 ? (args[index + 1] ?? '') : arg.slice(at + 1)];
  });
}
