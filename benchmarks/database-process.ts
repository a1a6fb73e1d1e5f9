/**
 * One application of `databases.ts`: `node database-process.js <workload> <mode> <url>` sends commands without a pause, and
 * prints the CPU time, user and system, that one of them took, in microseconds.
 */
import { subscribe } from 'node:diagnostics_channel';

import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import type * as Ioredis from 'ioredis';
import type * as Mysql from 'mysql2/promise';
import type * as NodeRedis from 'redis';

import { AggregatingMeter } from '../src/instrumentation/meter/aggregating-meter.js';
import { instrumentDatabases } from '../src/instrumentation/databases/databases.js';
import { PUBLISHING_DRIVERS } from '../src/instrumentation/databases/driver-commands.js';

export type Mode = 'bare' | 'published' | 'orchestrator';

export interface Workload {
  readonly driver: 'ioredis' | 'redis' | 'mysql2' | 'pg';
  /** Of one batch; the next begins when all are answered. */
  readonly commands: number;
  /** Answers what sends a batch. */
  open(url: string): Promise<() => Promise<unknown>>;
}

interface PgPool {
  query(text: string): Promise<unknown>;
}

/** Drivers are loaded when they are needed: after what measures them, as in an application under the preload. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  'ioredis, GET in pipelines of 100': {
    driver: 'ioredis',
    commands: 100,
    async open(url) {
      const { Redis } = require('ioredis') as typeof Ioredis;
      const redis = new Redis(url);
      await redis.set('key', 'x'.repeat(100));
      return () => {
        const pipeline = redis.pipeline();
        for (let n = 0; n < 100; n++) pipeline.get('key');
        return pipeline.exec();
      };
    },
  },
  'ioredis, 100 GET at once': {
    driver: 'ioredis',
    commands: 100,
    async open(url) {
      const { Redis } = require('ioredis') as typeof Ioredis;
      const redis = new Redis(url);
      await redis.set('key', 'x'.repeat(100));
      return () => Promise.all(Array.from({ length: 100 }, () => redis.get('key')));
    },
  },
  'redis, GET in pipelines of 100': {
    driver: 'redis',
    commands: 100,
    async open(url) {
      const client = await openNodeRedis(url);
      return () => {
        const pipeline = client.multi();
        for (let n = 0; n < 100; n++) pipeline.get('key');
        return pipeline.execAsPipeline();
      };
    },
  },
  'redis, 100 GET at once': {
    driver: 'redis',
    commands: 100,
    async open(url) {
      const client = await openNodeRedis(url);
      return () => Promise.all(Array.from({ length: 100 }, () => client.get('key')));
    },
  },
  'mysql2, 20 SELECT at once, pool of 4': {
    driver: 'mysql2',
    commands: 20,
    open(url) {
      const { createPool } = require('mysql2/promise') as typeof Mysql;
      const pool = createPool({ uri: url, connectionLimit: 4 });
      return Promise.resolve(() => Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT 1'))));
    },
  },
  'pg, 20 SELECT at once, pool of 4': {
    driver: 'pg',
    commands: 20,
    open(url) {
      const { Pool } = require('pg') as { Pool: new (options: object) => PgPool };
      const pool = new Pool({ connectionString: url, max: 4 });
      return Promise.resolve(() => Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT 1'))));
    },
  },
};

async function openNodeRedis(url: string): Promise<NodeRedis.RedisClientType> {
  const { createClient } = require('redis') as typeof NodeRedis;
  const client: NodeRedis.RedisClientType = createClient({ url });
  await client.connect();
  await client.set('key', 'x'.repeat(100));
  return client;
}

class IdleReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

function measure(driver: string, mode: Mode): void {
  if (mode === 'published') {
    const pools = driver === 'mysql2' ? ['mysql2:pool:connect'] : [];
    for (const channel of [...(PUBLISHING_DRIVERS[driver]?.channels ?? []), ...pools])
      for (const event of ['start', 'asyncStart']) subscribe(`tracing:${channel}:${event}`, () => undefined);
  }
  if (mode !== 'orchestrator') return;
  const meterProvider = new MeterProvider({ readers: [new IdleReader()] });
  instrumentDatabases({
    main: __filename,
    meter: meterProvider.getMeter('benchmark'),
    instruments: new AggregatingMeter({ name: 'benchmark' }),
    meterProvider,
    enabled: [driver],
  });
}

const WARM_UP = 20_000;
const COMMANDS = 100_000;

async function main([name = '', mode, url = '']: readonly string[]): Promise<void> {
  const workload = WORKLOADS[name];
  if (workload === undefined) throw new Error(`no workload ${name}`);
  measure(workload.driver, mode as Mode);
  const batch = await workload.open(url);
  const send = async (commands: number): Promise<void> => {
    for (let sent = 0; sent < commands; sent += workload.commands) await batch();
  };
  await send(WARM_UP);
  const before = process.cpuUsage();
  await send(COMMANDS);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${(user + system) / COMMANDS}\n`, () => process.exit());
}

if (require.main === module) void main(process.argv.slice(2));
