import type { Counter, Gauge, Histogram, Meter } from '@opentelemetry/api';

/** Who processes a payment waits for a database, and that takes from a millisecond to seconds. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** What the service records when something happens. What it reports when it is asked is in observables.ts. */
export interface Metrics {
  readonly httpRequests: Counter;
  readonly httpDuration: Histogram;
  readonly databaseOperations: Counter;
  readonly databaseDuration: Histogram;
  readonly databaseConflicts: Counter;
  readonly transactionsProcessed: Counter;
  readonly transactionsAmount: Counter;
  readonly idempotentReplays: Counter;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
  readonly fallbacks: Counter;
  readonly breakerTransitions: Counter;
  readonly serverChanges: Counter;
  readonly outboxPublished: Counter;
  readonly ledgerImbalance: Gauge;
  readonly ledgerMismatches: Gauge;
  readonly ledgerHeld: Gauge;
}

/** Names with dots: Prometheus shows them with underscores, and counters with `_total`. */
export function createMetrics(meter: Meter): Metrics {
  const counter = (name: string, description: string, unit = ''): Counter =>
    meter.createCounter(`payflow.${name}`, { description, unit });
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(`payflow.${name}`, {
      description,
      unit: 's',
      advice: { explicitBucketBoundaries: SECONDS },
    });
  const gauge = (name: string, description: string): Gauge =>
    meter.createGauge(`payflow.${name}`, { description });
  return {
    httpRequests: counter('http.requests', 'Requests by method, route and status, without health checks.'),
    httpDuration: duration('http.request.duration', 'Duration of requests by method and route.'),
    databaseOperations: counter(
      'database.operations',
      'Operations on PostgreSQL by operation, role of the server, outcome.',
    ),
    databaseDuration: duration('database.operation.duration', 'Duration of operations on PostgreSQL.'),
    databaseConflicts: counter(
      'database.conflicts',
      'Transactions that were repeated because another one came first.',
    ),
    transactionsProcessed: counter(
      'transactions.processed',
      'Transactions that were recorded, by type and status.',
    ),
    transactionsAmount: counter('transactions.amount', 'Minor units that completed transactions moved.'),
    idempotentReplays: counter(
      'idempotent.replays',
      'Requests that were answered from an earlier one with the same key.',
    ),
    cacheHits: counter('cache.hits', 'Reads of the cache that found an entry.'),
    cacheMisses: counter('cache.misses', 'Reads of the cache that found none.'),
    fallbacks: counter('fallbacks', 'Requests that were answered another way, by the fallback.'),
    breakerTransitions: counter(
      'circuit_breaker.transitions',
      'Changes of circuit breakers, by the new state.',
    ),
    serverChanges: counter(
      'database.server.changes',
      'Times that a PostgreSQL server came, went, or changed its role.',
    ),
    outboxPublished: counter('outbox.published', 'Events that were sent to other systems.'),
    ledgerImbalance: gauge(
      'ledger.imbalance',
      'Sum of all entries in minor units; 0 unless money was made or lost.',
    ),
    ledgerMismatches: gauge('ledger.mismatches', 'Accounts and transactions that do not add up.'),
    ledgerHeld: gauge('ledger.held', 'Sum of all wallets in minor units.'),
  };
}
