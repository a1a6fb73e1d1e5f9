import type { Meter, ObservableResult } from '@opentelemetry/api';

import type { Services } from '../http/services.js';
import type { Breaker } from '../resilience/breaker.js';
import { MODES } from '../resilience/fallback-manager.js';

/** What is reported for each look of the metrics reader. */
export type ObservedServices = Pick<
  Services,
  'database' | 'workers' | 'activeUsers' | 'fallbacks' | 'breakers' | 'cache'
>;

const BREAKER_STATES = { closed: 0, half_open: 1, open: 2 } as const;

/**
 * Numbers that add up over the instances are up-down counters, which the orchestrator sums over the living; numbers that all
 * instances see alike are gauges, of which it shows the largest (see ORCHESTRATOR_GAUGE_AGGREGATION in the README).
 */
export function observe(meter: Meter, services: ObservedServices): void {
  const { database, workers, activeUsers, fallbacks, breakers, cache } = services;
  const { manager } = database;
  sum(meter, 'worker_pool.queue_size', 'Items of batches that wait.', (result) =>
    result.observe(workers.waiting),
  );
  sum(meter, 'worker_pool.active_workers', 'Workers that are busy.', (result) =>
    result.observe(workers.active),
  );
  sum(meter, 'cache.connections', 'Connections to Redis.', (result) => result.observe(cache.connections));
  sum(meter, 'database.connections', 'Connections to PostgreSQL by server and state.', (result) => {
    for (const { name, connections } of manager.servers) {
      result.observe(connections.idle, { server: name, state: 'idle' });
      result.observe(connections.used, { server: name, state: 'used' });
      result.observe(connections.waiting, { server: name, state: 'waiting' });
    }
  });
  gauge(meter, 'active_users', 'Users who made a request in the last five minutes.', (result) =>
    result.observe(activeUsers.count),
  );
  gauge(meter, 'database.server.up', '1 for a PostgreSQL server that answers, by role.', (result) => {
    for (const { name, status } of manager.servers)
      result.observe(Number(status.up), { server: name, role: status.up ? status.role : 'unknown' });
  });
  gauge(
    meter,
    'database.replica.lag',
    'How far a replica is behind.',
    (result) => {
      for (const { name, status } of manager.replicas) result.observe(status.lagMs / 1000, { server: name });
    },
    's',
  );
  gauge(meter, 'service.mode', '0 normal, 1 degraded, 2 read only, 3 down.', (result) =>
    result.observe(MODES.indexOf(fallbacks.mode)),
  );
  gauge(meter, 'circuit_breaker.state', '0 closed, 1 half open, 2 open.', (result) => {
    for (const breaker of [...breakers, ...manager.servers.map((server): Breaker => server.breaker)])
      result.observe(BREAKER_STATES[breaker.state], { breaker: breaker.name });
  });
}

type Observe = (result: ObservableResult) => void;

function sum(meter: Meter, name: string, description: string, callback: Observe): void {
  meter.createObservableUpDownCounter(`payflow.${name}`, { description }).addCallback(callback);
}

function gauge(meter: Meter, name: string, description: string, callback: Observe, unit = ''): void {
  meter.createObservableGauge(`payflow.${name}`, { description, unit }).addCallback(callback);
}
