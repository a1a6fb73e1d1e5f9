import { readFileSync } from 'node:fs';

import {
  BulkheadRejectedError,
  bulkhead,
  type BulkheadPolicy,
  ExponentialBackoff,
  handleWhen,
  retry,
} from 'cockatiel';

import type { RetryConfig, UpstreamConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Metrics } from '../telemetry/metrics.js';
import { HealthChecks } from './health-checks.js';
import { failureName, isTargetFault, Target, type UpstreamRequest, type UpstreamResponse } from './target.js';

/** Every target's breaker is open. */
export class NoTarget extends Error {
  override readonly name = 'NoTarget';
}

export interface SendOptions {
  /** `undefined`: one attempt only. */
  readonly retry: RetryConfig | undefined;
  readonly clientGone: AbortSignal;
}

const NO_RETRY: RetryConfig = { count: 0, statuses: [], backoff: { initialMs: 1, maxMs: 1 }, bufferBytes: 0 };

/** A service: its targets, and how many requests may be under way to them. */
export class Upstream {
  readonly config: UpstreamConfig;
  readonly targets: readonly Target[];
  readonly #bulkhead: BulkheadPolicy;
  readonly #metrics: Metrics;
  readonly #checks: HealthChecks | undefined;

  constructor(config: UpstreamConfig, metrics: Metrics) {
    this.config = config;
    this.#metrics = metrics;
    const tls = tlsOptions(config);
    this.targets = config.targets.map((target) => new Target(target, config, tls, metrics));
    this.#bulkhead = bulkhead(config.bulkhead.concurrent, config.bulkhead.queue);
    this.#checks = config.healthCheck && new HealthChecks(this.targets, config.healthCheck);
  }

  get executing(): number {
    return this.config.bulkhead.concurrent - this.#bulkhead.executionSlots;
  }

  get queued(): number {
    return this.config.bulkhead.queue - this.#bulkhead.queueSlots;
  }

  /** Sends with retries, each at the target that is best then. @throws Problem */
  async send(request: UpstreamRequest, options: SendOptions): Promise<UpstreamResponse> {
    try {
      return await this.#withinBulkhead(() => this.#attempts(request, options));
    } catch (error) {
      throw this.problemOf(error);
    }
  }

  /** A place is taken until the answer is read, not until it begins. */
  #withinBulkhead(run: () => Promise<UpstreamResponse>): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      this.#bulkhead
        .execute(async () => {
          const response = await run();
          resolve(response);
          if (!response.body.closed) await new Promise((done) => response.body.once('close', done));
        })
        .catch(reject);
    });
  }

  async #attempts(
    request: UpstreamRequest,
    { retry: config = NO_RETRY, clientGone }: SendOptions,
  ): Promise<UpstreamResponse> {
    const { count, statuses, backoff } = config;
    if (count === 0) return this.choose(false).send(request, clientGone);
    const policy = retry(
      handleWhen((error) => isTargetFault(error) && !(error instanceof NoTarget)).orWhenResult((response) =>
        statuses.includes((response as UpstreamResponse).statusCode),
      ),
      {
        maxAttempts: count,
        backoff: new ExponentialBackoff({ initialDelay: backoff.initialMs, maxDelay: backoff.maxMs }),
      },
    );
    policy.onRetry((reason) => {
      const failure =
        'error' in reason ? failureName(reason.error) : String((reason.value as UpstreamResponse).statusCode);
      this.#metrics.retries.add(1, { upstream: this.config.name, reason: failure });
      // What is not passed on has to be read, or its connection could not be used again.
      if ('value' in reason) void (reason.value as UpstreamResponse).body.dump().catch(() => undefined);
    });
    return policy.execute(() => this.choose(true).send(request, clientGone), clientGone);
  }

  /**
   * The target with the fewest requests under way for its weight. An open breaker gets a request when its pause is over: one
   * that can be tried again elsewhere, or one that has nowhere else to go.
   *
   * @throws NoTarget
   */
  choose(canBeRetried: boolean): Target {
    const healthy = this.targets.filter((target) => target.healthy);
    // If all fail their checks, the checks are more likely wrong than all the targets.
    const candidates = healthy.length > 0 ? healthy : this.targets;
    const closed = candidates.filter((target) => target.isClosed);
    const testable = candidates.find((target) => target.mayBeTested);
    if (testable !== undefined && (canBeRetried || closed.length === 0)) return testable;
    const [first, ...others] = closed;
    if (first === undefined) throw new NoTarget();
    let best = first;
    // Equal ones take turns by chance, or a gateway that is idle would always ask the first.
    for (const target of others) {
      const difference = loadOf(target) - loadOf(best);
      if (
        difference < 0 ||
        (difference === 0 && Math.random() < target.weight / (target.weight + best.weight))
      )
        best = target;
    }
    return best;
  }

  /** What a client is told of a failure. */
  problemOf(error: unknown): unknown {
    const { name } = this.config;
    if (!isTargetFault(error)) return error;
    if (error instanceof BulkheadRejectedError) {
      this.#metrics.bulkheadRejected.add(1, { upstream: name });
      return new Problem(503, 'bulkhead_full', `Too many requests to ${name} are under way.`, {
        headers: { 'retry-after': '1' },
      });
    }
    const failure = error instanceof NoTarget ? 'breaker_open' : failureName(error);
    if (failure === 'breaker_open') {
      const wait = Math.min(...this.targets.map(({ retryAfterMs }) => retryAfterMs));
      const headers = { 'retry-after': String(Math.max(1, Math.ceil(wait / 1000))) };
      return new Problem(503, 'breaker_open', `${name} is in trouble; its circuit breaker is open.`, {
        headers,
      });
    }
    if (failure === 'timeout')
      return new Problem(504, 'timeout', `${name} did not answer in time.`, { cause: error });
    return new Problem(502, 'upstream_error', `${name} gave no answer.`, { cause: error });
  }

  async close(): Promise<void> {
    this.#checks?.close();
    await Promise.all(this.targets.map((target) => target.close()));
  }
}

function loadOf({ outstanding, weight }: Target): number {
  return (outstanding + 1) / weight;
}

function tlsOptions({ tls }: UpstreamConfig): object {
  if (tls === undefined) return {};
  const { caFile, certFile, keyFile, serverName } = tls;
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(serverName !== undefined && { servername: serverName }),
  };
}
