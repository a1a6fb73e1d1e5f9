import {
  type Counter,
  type Histogram,
  type Meter,
  metrics as otel,
  type ObservableGauge,
  type ObservableUpDownCounter,
} from '@opentelemetry/api';

/** Seconds: an attempt or a step. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds: a whole flow, which may wait for a service that is down. */
const LONG_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/**
 * What the gateway records, besides what the orchestrator's preload measures of every process. Only names of the
 * configuration are attributes, so that no client can make series.
 */
export interface Metrics {
  readonly requests: Counter<{ route: string; outcome: string }>;
  readonly attempts: Counter<{ upstream: string; target: string; outcome: string }>;
  readonly attemptDuration: Histogram<{ upstream: string; target: string }>;
  readonly retries: Counter<{ upstream: string; reason: string }>;
  readonly breakerTransitions: Counter<{ upstream: string; target: string; state: string }>;
  readonly breakerState: ObservableGauge;
  readonly targetHealthy: ObservableGauge;
  readonly bulkheadExecuting: ObservableUpDownCounter;
  readonly bulkheadQueued: ObservableUpDownCounter;
  readonly bulkheadRejected: Counter<{ upstream: string }>;
  readonly rateLimited: Counter<{ route: string }>;
  readonly cacheRequests: Counter<{ route: string; result: string }>;
  readonly authFailures: Counter<{ route: string; reason: string }>;
  readonly webSockets: ObservableUpDownCounter;
  readonly configReloads: Counter<{ outcome: string }>;
  readonly flows: Counter<{ action: string; outcome: string }>;
  readonly flowDuration: Histogram<{ action: string; outcome: string }>;
  readonly openFlows: ObservableGauge;
  readonly flowsResumed: Counter<{ action: string }>;
  readonly stepDuration: Histogram<{ action: string; step: string; outcome: string }>;
  readonly compensations: Counter<{ action: string; step: string; outcome: string }>;
  readonly outboxWaiting: ObservableGauge;
  readonly messagesPublished: Counter;
  readonly messagesConsumed: Counter<{ queue: string; outcome: string }>;
}

export function createMetrics(meter: Meter = otel.getMeter('gateway')): Metrics {
  return { ...proxyMetrics(meter), ...flowMetrics(meter) };
}

function proxyMetrics(meter: Meter) {
  return {
    requests: counter(meter, 'gateway.requests', '{request}', 'Requests to routes, by what became of them.'),
    attempts: counter(
      meter,
      'gateway.upstream.attempts',
      '{attempt}',
      'Attempts to reach a target, by outcome.',
    ),
    attemptDuration: seconds(
      meter,
      'gateway.upstream.attempt.duration',
      'Time until the headers of an answer, or the failure.',
    ),
    retries: counter(
      meter,
      'gateway.upstream.retries',
      '{attempt}',
      'Attempts after the first, by the reason of the failure before.',
    ),
    breakerTransitions: counter(
      meter,
      'gateway.breaker.transitions',
      '{transition}',
      'Changes of a circuit breaker, by the new state.',
    ),
    breakerState: meter.createObservableGauge('gateway.breaker.state', {
      description: 'Circuit breaker of a target: 0 closed, 1 half open, 2 open.',
    }),
    targetHealthy: meter.createObservableGauge('gateway.target.healthy', {
      description: 'Result of the health checks of a target: 1 or 0.',
    }),
    bulkheadExecuting: meter.createObservableUpDownCounter('gateway.bulkhead.executing', {
      unit: '{request}',
      description: 'Requests under way to an upstream.',
    }),
    bulkheadQueued: meter.createObservableUpDownCounter('gateway.bulkhead.queued', {
      unit: '{request}',
      description: 'Requests that wait for a place.',
    }),
    bulkheadRejected: counter(
      meter,
      'gateway.bulkhead.rejected',
      '{request}',
      'Requests refused because the queue was full.',
    ),
    rateLimited: counter(meter, 'gateway.rate_limited', '{request}', 'Requests refused by a rate limit.'),
    cacheRequests: counter(
      meter,
      'gateway.cache.requests',
      '{request}',
      'Requests to routes with a cache: hit, miss, revalidated, bypass.',
    ),
    authFailures: counter(
      meter,
      'gateway.auth.failures',
      '{request}',
      'Requests refused by authentication or for lack of a scope.',
    ),
    webSockets: meter.createObservableUpDownCounter('gateway.websockets', {
      unit: '{connection}',
      description: 'Open WebSocket connections.',
    }),
    configReloads: counter(
      meter,
      'gateway.config.reloads',
      '{reload}',
      'Reloads of the configuration: applied or refused.',
    ),
  };
}

function flowMetrics(meter: Meter) {
  return {
    flows: counter(meter, 'gateway.flows', '{flow}', 'Flows that ended, by outcome.'),
    flowDuration: meter.createHistogram('gateway.flow.duration', {
      unit: 's',
      description: 'Time from the start of a flow to its end.',
      advice: { explicitBucketBoundaries: LONG_SECONDS },
    }),
    openFlows: meter.createObservableGauge('gateway.flows.open', {
      unit: '{flow}',
      description: 'Flows in the database that have not ended, by status.',
    }),
    flowsResumed: counter(
      meter,
      'gateway.flows.resumed',
      '{flow}',
      'Flows taken over from a process that fell silent.',
    ),
    stepDuration: seconds(meter, 'gateway.flow.step.duration', 'Time of a step with its retries.'),
    compensations: counter(
      meter,
      'gateway.flow.compensations',
      '{compensation}',
      'Steps undone, or not undone yet.',
    ),
    outboxWaiting: meter.createObservableGauge('gateway.outbox.waiting', {
      unit: '{message}',
      description: 'Messages in the outbox that RabbitMQ has not confirmed.',
    }),
    messagesPublished: counter(
      meter,
      'gateway.messages.published',
      '{message}',
      'Messages that RabbitMQ confirmed.',
    ),
    messagesConsumed: counter(
      meter,
      'gateway.messages.consumed',
      '{message}',
      'Messages taken from a queue, by outcome.',
    ),
  };
}

function counter(meter: Meter, name: string, unit: string, description: string): Counter {
  return meter.createCounter(name, { unit, description });
}

function seconds(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, {
    unit: 's',
    description,
    advice: { explicitBucketBoundaries: SECONDS },
  });
}
