import { isDeepStrictEqual } from 'node:util';

import type { BatchObservableCallback, Observable } from '@opentelemetry/api';
import { metrics as otel } from '@opentelemetry/api';

import type { UpstreamConfig } from '../config/gateway-config.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Upstream } from './upstream.js';

/** All upstreams of the configuration in force. */
export class Upstreams {
  readonly #metrics: Metrics;
  readonly #observed: Observable[];
  readonly #observe: BatchObservableCallback;
  #byName: ReadonlyMap<string, Upstream> = new Map();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    const { breakerState, targetHealthy, bulkheadExecuting, bulkheadQueued } = metrics;
    this.#observed = [breakerState, targetHealthy, bulkheadExecuting, bulkheadQueued];
    this.#observe = (result) => {
      for (const upstream of this.#byName.values()) {
        const { name } = upstream.config;
        result.observe(bulkheadExecuting, upstream.executing, { upstream: name });
        result.observe(bulkheadQueued, upstream.queued, { upstream: name });
        for (const target of upstream.targets) {
          const attributes = { upstream: name, target: target.name };
          result.observe(breakerState, target.stateValue, attributes);
          if (upstream.config.healthCheck) result.observe(targetHealthy, target.healthy ? 1 : 0, attributes);
        }
      }
    };
    otel.getMeter('gateway').addBatchObservableCallback(this.#observe, this.#observed);
  }

  get all(): readonly Upstream[] {
    return [...this.#byName.values()];
  }

  /** Of a name in the configuration, which has been checked. */
  get(name: string): Upstream {
    const upstream = this.#byName.get(name);
    if (upstream === undefined) throw new Error(`no upstream "${name}"`);
    return upstream;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Makes what a new configuration adds. What it leaves alone keeps its connections and its breakers. */
  prepare(configs: ReadonlyMap<string, UpstreamConfig>): Map<string, Upstream> {
    const next = new Map<string, Upstream>();
    for (const [name, config] of configs) {
      const current = this.#byName.get(name);
      const same = current !== undefined && isDeepStrictEqual(current.config, config);
      next.set(name, same ? current : new Upstream(config, this.#metrics));
    }
    return next;
  }

  /** Requests that run at an upstream that left end there. */
  use(next: ReadonlyMap<string, Upstream>): void {
    const left = [...this.#byName.values()].filter((upstream) => next.get(upstream.config.name) !== upstream);
    this.#byName = next;
    for (const upstream of left) void upstream.close();
  }

  async close(): Promise<void> {
    otel.getMeter('gateway').removeBatchObservableCallback(this.#observe, this.#observed);
    await Promise.all([...this.#byName.values()].map((upstream) => upstream.close()));
  }
}
