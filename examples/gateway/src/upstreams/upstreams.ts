import { isDeepStrictEqual } from 'node:util';

import type { Observable, ObservableCallback } from '@opentelemetry/api';

import type { UpstreamConfig } from '../config/gateway-config.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Target } from './target.js';
import { Upstream } from './upstream.js';

/** All upstreams of the configuration in force. */
export class Upstreams {
  readonly #metrics: Metrics;
  readonly #observed: ReadonlyArray<readonly [instrument: Observable, callback: ObservableCallback]>;
  #byName: ReadonlyMap<string, Upstream> = new Map();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
    this.#observed = [
      [metrics.breakerState, this.#ofTargets((target) => target.stateValue)],
      [
        metrics.targetHealthy,
        this.#ofTargets((target, checked) => (checked ? Number(target.healthy) : undefined)),
      ],
      [metrics.bulkheadExecuting, this.#ofUpstreams((upstream) => upstream.executing)],
      [metrics.bulkheadQueued, this.#ofUpstreams((upstream) => upstream.queued)],
    ];
    for (const [instrument, callback] of this.#observed) instrument.addCallback(callback);
  }

  #ofUpstreams(read: (upstream: Upstream) => number): ObservableCallback {
    return (result) => {
      for (const upstream of this.all) result.observe(read(upstream), { upstream: upstream.config.name });
    };
  }

  #ofTargets(read: (target: Target, checked: boolean) => number | undefined): ObservableCallback {
    return (result) => {
      for (const { config, targets } of this.all)
        for (const target of targets) {
          const value = read(target, config.healthCheck !== undefined);
          if (value !== undefined) result.observe(value, { upstream: config.name, target: target.name });
        }
    };
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
    for (const [instrument, callback] of this.#observed) instrument.removeCallback(callback);
    await Promise.all([...this.#byName.values()].map((upstream) => upstream.close()));
  }
}
