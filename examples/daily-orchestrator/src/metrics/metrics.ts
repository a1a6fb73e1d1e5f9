import { metrics, type Meter, ValueType } from '@opentelemetry/api';
import { observeQueue } from '@org/orchestrator';

import type { QueueDepth } from '../broker/queue-depth.js';

const meter: Meter = metrics.getMeter('daily-orchestrator');

const integer = (description: string, unit: string): object => ({
  description,
  unit,
  valueType: ValueType.INT,
});

/** How an item ended. `dead`: it is in the dead-letter queue. */
export type Outcome = 'done' | 'dead';

/** `<step>|<outcome>` -> items: what is counted together, as the ledger keeps it. */
export type Counts = Readonly<Record<string, number>>;

export function countKey(step: string, outcome: Outcome): string {
  return `${step}|${outcome}`;
}

const items = meter.createCounter(
  'workflow.items',
  integer('Items that a step has finished, by step and outcome: each item of a run once.', '{item}'),
);

const commits = meter.createCounter(
  'workflow.commits',
  integer(
    'Transactions whose items are counted, by ledger slot. They tell what a killed process had counted.',
    '{commit}',
  ),
);

/** In one go, without anything asynchronous in between: a collection has all of it or nothing. */
export function countItems(counts: Counts, slot?: string): void {
  for (const [key, count] of Object.entries(counts)) {
    const [step = '', outcome = ''] = key.split('|');
    items.add(count, { 'workflow.step': step, 'workflow.outcome': outcome });
  }
  if (slot !== undefined) commits.add(1, { 'ledger.slot': slot });
}

/** A counter that begins at 0 is one whose first step an alert can see: `increase()` knows nothing of what was not there. */
export function beginAtZero(deadItemsOf: readonly string[] = []): void {
  workflowFailures.add(0);
  for (const step of deadItemsOf) items.add(0, { 'workflow.step': step, 'workflow.outcome': 'dead' });
}

export const messagesPublished = meter.createCounter(
  'workflow.messages.published',
  integer(
    'Messages that RabbitMQ has confirmed, by queue. An item that is sent again counts again.',
    '{message}',
  ),
);

export const messagesReceived = meter.createCounter(
  'workflow.messages.received',
  integer(
    'Messages that workers have settled, by queue and result: acknowledged, duplicate, stale, dead, invalid.',
    '{message}',
  ),
);

export const stepFailures = meter.createCounter(
  'workflow.step.failures',
  integer('Steps that failed, by step; time limits included, interruptions not.', '{failure}'),
);

export const workflowFailures = meter.createCounter(
  'workflow.failures',
  integer('Workflows that failed.', '{failure}'),
);

export const stepRetries = meter.createCounter(
  'workflow.step.retries',
  integer('Attempts of a step after its first one, by step.', '{attempt}'),
);

export const alerts = meter.createCounter(
  'workflow.alerts',
  integer('Reports to the webhook, by outcome: sent, failed.', '{report}'),
);

/** Kept: they outlive the process. */
export const lastStepDuration = meter.createGauge('workflow.last.step.duration', {
  description: 'Time that the last run worked on a step, in all of its processes.',
  unit: 's',
});

export const lastRunDuration = meter.createGauge('workflow.last.run.duration', {
  description: 'Time from the start of the last finished run to its end.',
  unit: 's',
});

export const scheduleDelay = meter.createGauge('workflow.last.schedule.delay', {
  description: 'How long after its scheduled time the last scheduled run began.',
  unit: 's',
});

export const runItems = meter.createGauge('workflow.last.run.items', {
  description: 'Items of the last run, by step.',
  unit: '{item}',
  valueType: ValueType.INT,
});

export const esiRequests = meter.createCounter(
  'esi.requests',
  integer('Requests to ESI, by endpoint and status.', '{request}'),
);

export const esiRetries = meter.createCounter(
  'esi.retries',
  integer('Requests to ESI that were sent again, by endpoint.', '{request}'),
);

export const esiPaused = meter.createCounter('esi.paused', {
  description: "Time that requests waited for ESI's error budget.",
  unit: 's',
});

/** The least that a process was told; without a process that asks there is no number. */
export function observeErrorBudget(remaining: () => number): void {
  meter
    .createObservableGauge(
      'esi.error_budget',
      integer('Errors that ESI still allows in its current window.', '{error}'),
    )
    .addCallback((result) => result.observe(remaining()));
}

/**
 * `queue.jobs` by state, and `workflow.queue.consumers`, of some queues.
 *
 * @returns a function that ends it
 */
export function observeQueues(
  names: readonly string[],
  depthOf: (name: string) => Promise<QueueDepth>,
): () => void {
  const consumers = new Map<string, number>();
  const stops = names.map((name) =>
    observeQueue(
      {
        name,
        async getJobCounts() {
          const { ready, unacknowledged, consumers: count } = await depthOf(name);
          consumers.set(name, count);
          return { ready, ...(unacknowledged !== undefined && { unacknowledged }) };
        },
      },
      { timeout: 5000 },
    ),
  );
  meter
    .createObservableGauge(
      'workflow.queue.consumers',
      integer('Consumers of a queue, as the broker sees them.', '{consumer}'),
    )
    .addCallback((result) => {
      for (const [name, count] of consumers) result.observe(count, { 'queue.name': name });
    });
  return () => {
    for (const stop of stops) stop();
  };
}
