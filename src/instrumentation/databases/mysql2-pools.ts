import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';

import {
  type Attributes,
  type BatchObservableCallback,
  type Meter,
  type ObservableUpDownCounter,
  ValueType,
} from '@opentelemetry/api';

import { guarded } from '../guarded-listener.js';
import type { Instrumentation } from '../instrumentation.js';

const CHANNEL = 'tracing:mysql2:pool:connect';
const COUNTS: unique symbol = Symbol('orchestrator.counts');
const NOT_COUNTED = 'a connection of mysql2 is not counted';

/** All pools of this process with the same server and database. */
interface PoolCounts {
  readonly attributes: Attributes;
  pending: number;
  readonly open: Set<object>;
  readonly used: Set<object>;
}

/** The message that mysql2 publishes when a pool is asked for a connection, and when it has given one. */
interface PoolConnect {
  readonly serverAddress: string;
  readonly serverPort: number | undefined;
  readonly database: string;
  readonly result?: PoolConnection;
  [COUNTS]?: PoolCounts | undefined;
}

interface PoolConnection {
  readonly stream: Duplex;
  readonly config: { readonly pool: EventEmitter };
}

/**
 * `db.client.connection.count` and `db.client.connection.pending_requests` of mysql2's pools, named as instrumentation-pg
 * names them: from the channel on which pools publish each request for a connection, and from the event `release`.
 */
export function instrumentMysql2Pools(meter: Meter): Instrumentation {
  return new Mysql2Pools(meter);
}

class Mysql2Pools implements Instrumentation {
  readonly #meter: Meter;
  readonly #instruments: [count: ObservableUpDownCounter, pending: ObservableUpDownCounter];
  readonly #counts = new Map<string, PoolCounts>();
  readonly #pools = new WeakSet<EventEmitter>();
  readonly #observe: BatchObservableCallback = (result) => {
    const [connections, pendingRequests] = this.#instruments;
    for (const { attributes, pending, open, used } of this.#counts.values()) {
      const inState = (state: string): Attributes => ({ ...attributes, 'db.client.connection.state': state });
      result.observe(connections, used.size, inState('used'));
      result.observe(connections, open.size - used.size, inState('idle'));
      result.observe(pendingRequests, pending, attributes);
    }
  };
  readonly #onStart = guarded(NOT_COUNTED, (message) => {
    const context = message as PoolConnect;
    const counts = this.#countsOf(context);
    context[COUNTS] = counts;
    counts.pending++;
  });
  readonly #onAnswer = guarded(NOT_COUNTED, (message) => {
    const context = message as PoolConnect;
    const counts = context[COUNTS];
    if (counts === undefined) return;
    context[COUNTS] = undefined;
    counts.pending--;
    if (context.result !== undefined) this.#acquired(context.result, counts);
  });

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#instruments = [
      meter.createObservableUpDownCounter('db.client.connection.count', {
        description:
          'The number of connections that are currently in state described by the state attribute.',
        unit: '{connection}',
        valueType: ValueType.INT,
      }),
      meter.createObservableUpDownCounter('db.client.connection.pending_requests', {
        description: 'The number of current pending requests for an open connection.',
        // The semantic conventions say {request}; instrumentation-pg says this, and two units would be two metrics.
        unit: '{connection}',
        valueType: ValueType.INT,
      }),
    ];
    meter.addBatchObservableCallback(this.#observe, this.#instruments);
    subscribe(`${CHANNEL}:start`, this.#onStart);
    subscribe(`${CHANNEL}:asyncStart`, this.#onAnswer);
  }

  stop(): void {
    unsubscribe(`${CHANNEL}:start`, this.#onStart);
    unsubscribe(`${CHANNEL}:asyncStart`, this.#onAnswer);
    this.#meter.removeBatchObservableCallback(this.#observe, this.#instruments);
  }

  #countsOf({ serverAddress, serverPort, database }: PoolConnect): PoolCounts {
    const server = serverPort === undefined ? serverAddress : `${serverAddress}:${serverPort}`;
    const name = `${server}/${database === '' ? 'unknown_database' : database}`;
    let counts = this.#counts.get(name);
    if (counts === undefined) {
      counts = {
        attributes: { 'db.client.connection.pool.name': name },
        pending: 0,
        open: new Set(),
        used: new Set(),
      };
      this.#counts.set(name, counts);
    }
    return counts;
  }

  #acquired(connection: PoolConnection, { open, used }: PoolCounts): void {
    // Closed before the pool handed it over: nothing would tell of its end any more.
    if (connection.stream.destroyed) return;
    used.add(connection);
    if (open.has(connection)) return;
    open.add(connection);
    // Comes however a connection ends; the connection's own events do not always.
    connection.stream.once('close', () => {
      open.delete(connection);
      used.delete(connection);
    });
    const { pool } = connection.config;
    if (this.#pools.has(pool)) return;
    this.#pools.add(pool);
    pool.on('release', (released: object) => used.delete(released));
  }
}
