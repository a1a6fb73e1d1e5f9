import type { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

import {
  BrokenCircuitError,
  circuitBreaker,
  type CircuitBreakerPolicy,
  CircuitState,
  CountBreaker,
  handleWhen,
  TaskCancelledError,
  timeout,
  TimeoutStrategy,
} from 'cockatiel';
import { Agent, type Dispatcher } from 'undici';

import type { TargetConfig, UpstreamConfig } from '../config/gateway-config.js';
import { Problem } from '../server/problem.js';
import type { Metrics } from '../telemetry/metrics.js';
import { guardedLookup } from './address-guard.js';

export interface UpstreamRequest {
  readonly method: string;
  /** Path and query, below the target's base URL. */
  readonly path: string;
  readonly headers: Record<string, string | string[]>;
  readonly body: Readable | Buffer | string | null;
  readonly timeoutMs: number;
  readonly idleTimeoutMs: number;
}

export type UpstreamResponse = Dispatcher.ResponseData;

/** The caller went away: no fault of the target. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

const STATE_NAMES: Readonly<Record<CircuitState, string>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};
const STATE_VALUES: Readonly<Record<string, number>> = { closed: 0, half_open: 1, open: 2 };

/** One base URL of an upstream: its connections, its breaker, and what health checks found. */
export class Target {
  readonly url: URL;
  readonly weight: number;
  readonly name: string;
  /** Requests under way, until their answer is read. */
  outstanding = 0;
  /** Of the health checks; true before the first one. */
  healthy = true;
  /** Of the last health check, milliseconds. */
  latencyMs: number | undefined;
  lastError: string | undefined;
  readonly #upstream: string;
  readonly #agent: Agent;
  readonly #breaker: CircuitBreakerPolicy;
  readonly #halfOpenAfterMs: number;
  readonly #metrics: Metrics;
  #openedAt = 0;
  #testing = false;

  constructor(config: TargetConfig, upstream: UpstreamConfig, tls: object, metrics: Metrics) {
    this.url = new URL(config.url);
    this.name = this.url.host;
    this.weight = config.weight;
    this.#upstream = upstream.name;
    this.#metrics = metrics;
    this.#halfOpenAfterMs = upstream.breaker.halfOpenAfterMs;
    this.#agent = new Agent({
      connections: upstream.connections,
      allowH2: upstream.http2,
      pipelining: upstream.http2 ? 100 : 1,
      keepAliveTimeout: 20_000,
      connect: { ...tls, timeout: 10_000, lookup: guardedLookup },
    });
    const { failureRatio: threshold, window: size, minimumCalls: minimumNumberOfCalls } = upstream.breaker;
    this.#breaker = circuitBreaker(
      handleWhen(isTargetFault).orWhenResult((response) => isFailure(response)),
      {
        breaker: new CountBreaker({ threshold, size, minimumNumberOfCalls }),
        halfOpenAfter: this.#halfOpenAfterMs,
      },
    );
    this.#breaker.onStateChange((state) => {
      if (state === CircuitState.Open) this.#openedAt = performance.now();
      metrics.breakerTransitions.add(1, {
        upstream: upstream.name,
        target: this.name,
        state: STATE_NAMES[state],
      });
    });
  }

  get state(): string {
    return STATE_NAMES[this.#breaker.state];
  }

  get stateValue(): number {
    return STATE_VALUES[this.state] ?? 0;
  }

  get agent(): Agent {
    return this.#agent;
  }

  get isClosed(): boolean {
    return this.#breaker.state === CircuitState.Closed;
  }

  /** An open breaker lets one request try after its pause. */
  get mayBeTested(): boolean {
    return !this.isClosed && !this.#testing && performance.now() - this.#openedAt >= this.#halfOpenAfterMs;
  }

  /** Milliseconds until an open breaker lets a request try. */
  get retryAfterMs(): number {
    return Math.max(0, this.#openedAt + this.#halfOpenAfterMs - performance.now());
  }

  /** One attempt. @throws TaskCancelledError at the timeout, BrokenCircuitError, ClientGone, or what undici throws */
  async send(request: UpstreamRequest, clientGone: AbortSignal): Promise<UpstreamResponse> {
    const test = !this.isClosed;
    if (test) this.#testing = true;
    this.outstanding += 1;
    const startedAt = performance.now();
    const limit = timeout(request.timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
    try {
      const response = await this.#breaker.execute(async () => {
        try {
          return await limit.execute(({ signal }) => this.#dispatch(request, signal), clientGone);
        } catch (error) {
          // The limit ends in the same way for both; only its own end is trouble of the target.
          throw clientGone.aborted ? new ClientGone() : error;
        }
      });
      this.#record(response.statusCode >= 500 ? 'error_status' : 'success', startedAt);
      onceClosed(response.body, () => (this.outstanding -= 1));
      return response;
    } catch (error) {
      this.outstanding -= 1;
      this.#record(failureName(error), startedAt);
      throw error;
    } finally {
      if (test) this.#testing = false;
    }
  }

  #dispatch(request: UpstreamRequest, signal: AbortSignal): Promise<UpstreamResponse> {
    return this.#agent.request({
      origin: this.url.origin,
      path: joinPaths(this.url.pathname, request.path),
      method: request.method,
      headers: request.headers,
      body: request.body,
      signal,
      // The policy around it is the limit; undici's own begins later, when the request has been written.
      headersTimeout: 0,
      bodyTimeout: request.idleTimeoutMs,
    });
  }

  #record(outcome: string, startedAt: number): void {
    const attributes = { upstream: this.#upstream, target: this.name };
    this.#metrics.attempts.add(1, { ...attributes, outcome });
    this.#metrics.attemptDuration.record((performance.now() - startedAt) / 1000, attributes);
  }

  /** Opens a connection of another protocol. Its breaker counts as for a request. */
  async upgrade(
    path: string,
    headers: Record<string, string | string[]>,
    timeoutMs: number,
  ): Promise<Dispatcher.UpgradeData> {
    const limit = timeout(timeoutMs, { strategy: TimeoutStrategy.Aggressive, abortOnReturn: false });
    const startedAt = performance.now();
    try {
      const data = await this.#breaker.execute(() =>
        limit.execute(({ signal }) =>
          this.#agent.upgrade({
            origin: this.url.origin,
            path: joinPaths(this.url.pathname, path),
            method: 'GET',
            protocol: 'websocket',
            headers,
            signal,
          } as Agent.DispatchOptions & Dispatcher.UpgradeOptions),
        ),
      );
      this.#record('success', startedAt);
      return data;
    } catch (error) {
      this.#record(failureName(error), startedAt);
      throw error;
    }
  }

  /** Resolves when what is under way has ended. */
  async close(): Promise<void> {
    await this.#agent.close();
  }
}

/** Not what the client did: it left, or sent more than it may. */
export function isTargetFault(error: unknown): boolean {
  return !(error instanceof ClientGone || error instanceof Problem);
}

/** `/base/` and `/path` make `/base/path`. */
export function joinPaths(base: string, path: string): string {
  return base === '/' ? path : base.replace(/\/$/, '') + path;
}

/** 501 and 505 say what a service cannot do, not that it is in trouble. */
function isFailure(response: unknown): boolean {
  const { statusCode } = response as UpstreamResponse;
  return statusCode >= 500 && statusCode !== 501 && statusCode !== 505;
}

/** One word for why an attempt had no answer. */
export function failureName(error: unknown): string {
  if (error instanceof TaskCancelledError) return 'timeout';
  if (error instanceof ClientGone) return 'client_gone';
  if (error instanceof BrokenCircuitError) return 'breaker_open';
  if (error instanceof Problem) return error.code;
  switch ((error as { code?: string }).code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'connect';
    case 'UND_ERR_BODY_TIMEOUT':
    case 'UND_ERR_HEADERS_TIMEOUT':
      return 'timeout';
    default:
      return 'reset';
  }
}

function onceClosed(body: EventEmitter, done: () => void): void {
  body.once('close', done);
}
