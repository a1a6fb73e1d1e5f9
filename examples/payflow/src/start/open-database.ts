import type { Settings } from '../config/settings.js';
import { ConnectionManager } from '../database/connection-manager.js';
import type { Database } from '../database/database.js';
import { isBrokenConnection } from '../database/database-errors.js';
import { DatabaseReader } from '../database/database-reader.js';
import { DatabaseServer } from '../database/database-server.js';
import { DatabaseWriter } from '../database/database-writer.js';
import type { Metrics } from '../metrics/metrics.js';
import { Breaker, type BreakerState } from '../resilience/breaker.js';
import type { Fallback } from '../resilience/fallback-manager.js';
import { Retry } from '../resilience/retry.js';

export interface DatabaseEvents {
  readonly onBreaker: (name: string, state: BreakerState) => void;
  readonly onFallback: (fallback: Fallback) => void;
  readonly onServer: (server: DatabaseServer) => void;
}

/** The servers of the settings with reader and writer, not looked at yet. */
export function openDatabase(settings: Settings, metrics: Metrics, events: DatabaseEvents): Database {
  const addresses = [{ host: settings.dbHost, port: settings.dbPort, weight: 1 }, ...settings.replicas];
  const servers = addresses.map((address, index) =>
    serverOf(settings, `database-${index + 1}`, address, events),
  );
  const manager = new ConnectionManager(servers, {
    probeIntervalMs: settings.dbProbeInterval,
    onChange: events.onServer,
  });
  const retry = new Retry(settings.retryAttempts, settings.retryBaseDelay);
  const observe = (operation: string, { status }: DatabaseServer, seconds: number, ok: boolean): void => {
    const labels = { operation, role: status.role };
    metrics.databaseOperations.add(1, { ...labels, outcome: ok ? 'ok' : 'error' });
    metrics.databaseDuration.record(seconds, labels);
  };
  return {
    manager,
    reader: new DatabaseReader(manager, {
      maxLagMs: settings.dbMaxReplicaLag,
      retry,
      observe,
      onFallback: () => events.onFallback('primary_read'),
    }),
    writer: new DatabaseWriter(manager, {
      retry,
      observe,
      onConflict: () => metrics.databaseConflicts.add(1),
    }),
  };
}

function serverOf(
  settings: Settings,
  name: string,
  { host, port, weight }: { readonly host: string; readonly port: number; readonly weight: number },
  { onBreaker }: DatabaseEvents,
): DatabaseServer {
  const address = {
    host,
    port,
    user: settings.dbUser,
    password: settings.dbPassword,
    database: settings.dbName,
    connectTimeoutMs: settings.dbConnectTimeout,
    queryTimeoutMs: settings.dbQueryTimeout,
  };
  const limits = {
    maxOpen: settings.dbMaxOpen,
    maxIdle: settings.dbMaxIdle,
    maxLifetimeSeconds: settings.dbMaxLifetime,
  };
  const breaker = new Breaker(name, {
    failures: settings.cbDatabaseFailures,
    resetMs: settings.cbDatabaseReset,
    counts: isBrokenConnection,
    onChange: (state) => onBreaker(name, state),
  });
  return new DatabaseServer(name, address, weight, limits, breaker);
}
