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
  const look = ({ process: child }: Worker): void => {
    const given = preloadsOf(child.spawnargs);
    if (needed.every((preload) => given.includes(preload))) return;
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
