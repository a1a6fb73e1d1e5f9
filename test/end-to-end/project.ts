import { startApp, type AppProcess } from '../helpers/app-process.js';
import type { Exposition } from '../helpers/exposition.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { newStore, type SharedStore } from './stores.js';

export interface Project {
  /** For every process of the project. */
  readonly env: Readonly<Record<string, string>>;
  /** The process that serves the metrics; it has no traffic of its own. */
  readonly watcher: AppProcess;
  readonly metricsPort: number;
  readonly look: () => Promise<Exposition>;
}

/** A project with one process that only watches: what it shows of others went through the store. */
export async function watchedProject(owner: Owner, store: SharedStore = 'local'): Promise<Project> {
  const metricsPort = await freePort();
  const env = {
    ...(await newStore(owner, store)),
    ORCHESTRATOR_PREFIX: 'shop',
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
  };
  const watcher = startApp(owner, 'server.cjs', { env });
  await watcher.number('listening');
  return { env, watcher, metricsPort, look: () => scrape(metricsPort) };
}
