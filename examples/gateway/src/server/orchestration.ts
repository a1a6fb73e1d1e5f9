import type { Database } from '../flows/database.js';
import type { FlowRouteDependencies } from '../flows/flow-routes.js';
import type { RunnerDependencies } from '../flows/flow-runner.js';
import { FlowStore } from '../flows/flow-store.js';
import { FlowWorker } from '../flows/flow-worker.js';
import { StepJournal } from '../flows/step-journal.js';
import { consumer } from '../queue/consume.js';
import { Outbox } from '../queue/outbox.js';
import { RabbitMq } from '../queue/rabbitmq.js';
import type { Settings } from '../settings/read-settings.js';
import type { Log } from '../telemetry/log.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Upstreams } from '../upstreams/upstreams.js';
import type { Runtime } from './runtime.js';

const RELAY_EVERY_MS = 100;

/** Flows, their worker, and the queues they may come through. */
export class Orchestration {
  readonly rabbit: RabbitMq | undefined;
  readonly routes: Pick<FlowRouteDependencies, 'store' | 'journal' | 'worker' | 'queued'>;
  readonly #worker: FlowWorker;
  readonly #outbox: Outbox | undefined;

  constructor(
    settings: Settings,
    database: Database,
    upstreams: Upstreams,
    runtime: () => Runtime,
    metrics: Metrics,
    log: Log,
  ) {
    const {
      flowLeaseMs: leaseMs,
      flowPollMs: pollMs,
      flowConcurrency: concurrency,
      rabbitmqUrl: url,
    } = settings;
    const queued = url !== '';
    const store = new FlowStore(database, leaseMs);
    const journal = new StepJournal(database);
    const running: RunnerDependencies = { store, journal, upstreams, metrics, log, withEvents: queued };
    const worker = new FlowWorker(running, { leaseMs, pollMs, concurrency });
    this.#worker = worker;
    this.routes = { store, journal, worker, queued };
    if (!queued) return;
    const consume = consumer({ config: () => runtime().config, store, worker, metrics, log });
    this.rabbit = new RabbitMq({ url, prefetch: concurrency, consume, log });
    this.#outbox = new Outbox(database, this.rabbit, metrics, log);
  }

  start(): void {
    this.#worker.start();
    this.rabbit?.start();
    this.#outbox?.start(RELAY_EVERY_MS);
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.#worker.stop(deadlineMs);
    await this.#outbox?.close();
    await this.rabbit?.close();
  }
}
