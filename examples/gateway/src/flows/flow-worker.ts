import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { ObservableCallback } from '@opentelemetry/api';

import { FlowRun, type RunnerDependencies } from './flow-runner.js';
import { type Flow, LeaseLost } from './flow-store.js';

export interface WorkerOptions {
  readonly leaseMs: number;
  readonly pollMs: number;
  readonly concurrency: number;
}

/** Clients that wait may hold so many flows more for each one that runs in the background. */
const WAITING_FACTOR = 10;

/** Runs flows: those it is given, and those that nobody works on. */
export class FlowWorker {
  /** Of this start of the process. */
  readonly owner: string = randomUUID();
  readonly #dependencies: RunnerDependencies;
  readonly #options: WorkerOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #observe: ObservableCallback;
  #inBackground = 0;
  #polling: Promise<void> | undefined;
  #stopping = false;
  #databaseDown = false;

  constructor(dependencies: RunnerDependencies, options: WorkerOptions) {
    this.#dependencies = dependencies;
    this.#options = options;
    this.#observe = async (result) => {
      const counts = await dependencies.store.countOpen().catch(() => new Map<string, number>());
      for (const [status, count] of counts) result.observe(count, { status });
    };
  }

  start(): void {
    const { leaseMs, pollMs } = this.#options;
    this.#dependencies.metrics.openFlows.addCallback(this.#observe);
    this.#timers.push(setInterval(() => this.poll(), pollMs).unref());
    this.#timers.push(setInterval(() => void this.#renew(), leaseMs / 3).unref());
    this.poll();
  }

  /** More clients wait than this process should hold. */
  get isFull(): boolean {
    return this.#stopping || this.#running.size >= this.#options.concurrency * (1 + WAITING_FACTOR);
  }

  /** Runs a flow that this process has a lease of. Resolves when it ended here, whatever its end. */
  run(flow: Flow): Promise<void> {
    const run = this.#run(flow).finally(() => this.#running.delete(flow.id));
    this.#running.set(flow.id, run);
    return run;
  }

  has(id: string): boolean {
    return this.#running.has(id);
  }

  /** Resolves when a flow ended here; never for one that does not run here. */
  whenEnded(id: string): Promise<void> {
    return this.#running.get(id) ?? new Promise(() => undefined);
  }

  /** Looks for flows that nobody works on; one look at a time. */
  poll(): void {
    if (this.#polling !== undefined || this.#stopping) return;
    this.#polling = this.#poll().finally(() => {
      this.#polling = undefined;
    });
  }

  /** Takes a flow by its id, if nobody has it. Resolves when it ended here. */
  async take(id: string): Promise<boolean> {
    const claimed = await this.#dependencies.store.claim(this.owner, id);
    if (claimed === undefined) return false;
    await this.run(claimed.flow);
    return true;
  }

  /** Begins nothing more. What runs has until the deadline to reach the end of its step; then it is another process's. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#dependencies.metrics.openFlows.removeCallback(this.#observe);
    const deadline = new AbortController();
    const ended = Promise.all([this.#polling, ...this.#running.values()]);
    await Promise.race([
      ended,
      sleep(deadlineMs, undefined, { signal: deadline.signal }).catch(() => undefined),
    ]);
    deadline.abort();
  }

  async #poll(): Promise<void> {
    const { store, metrics, log } = this.#dependencies;
    try {
      while (!this.#stopping && this.#inBackground < this.#options.concurrency) {
        const claimed = await store.claim(this.owner);
        if (claimed === undefined) break;
        const { flow, resumed } = claimed;
        if (resumed) {
          metrics.flowsResumed.add(1, { action: flow.action });
          log.warn({ flow: flow.id, action: flow.action }, 'flow taken over');
        }
        this.#inBackground += 1;
        void this.run(flow).finally(() => {
          this.#inBackground -= 1;
        });
      }
      this.#tellDatabase(false);
    } catch (error) {
      this.#tellDatabase(true, error);
    }
  }

  async #renew(): Promise<void> {
    try {
      await this.#dependencies.store.renew(this.owner, [...this.#running.keys()]);
    } catch (error) {
      this.#tellDatabase(true, error);
    }
  }

  async #run(flow: Flow): Promise<void> {
    const { log } = this.#dependencies;
    try {
      await new FlowRun(flow, this.#dependencies, () => this.#stopping).run();
    } catch (error) {
      if (error instanceof LeaseLost) log.warn({ flow: flow.id }, 'flow lost to another process');
      // Its lease ends, and it goes on from its journal.
      else log.error({ err: error, flow: flow.id }, 'flow interrupted');
    }
  }

  /** Once for each change. */
  #tellDatabase(down: boolean, error?: unknown): void {
    if (down === this.#databaseDown) return;
    this.#databaseDown = down;
    if (down) this.#dependencies.log.error({ err: error }, 'the database does not answer: flows wait');
    else this.#dependencies.log.info('the database answers again');
  }
}
