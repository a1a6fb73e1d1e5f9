import { startApp, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { startProxy, type RedisProxy } from '../helpers/proxy.js';
import { startRedis, type RedisServer, type RedisServerOptions } from '../helpers/redis.js';
import { scratchDir } from '../helpers/scratch.js';
import type { SharedStore } from '../end-to-end/stores.js';
import { type End, isAtOnce, lossOf } from './ends.js';
import { AGGREGATION, type Item } from './instruments.js';
import { Model } from './model.js';
import { Watch } from './watch.js';
import { startWriter, type Writer } from './writer.js';

/** How often processes flush here. */
export const INTERVAL_MS = 300;

/** A flush of a loaded machine may be late by so much: what was recorded earlier than this is counted. */
const LATE_MS = 15_000;

/** What faults are done to. */
export interface Ground {
  readonly store: SharedStore;
  /** Settings of the process that is scraped, and of the writers. */
  readonly watcherEnv: Readonly<Record<string, string>>;
  readonly writerEnv: Readonly<Record<string, string>>;
}

/** One Redis, and a proxy between it and the writers. */
export interface RedisGround extends Ground {
  readonly redis: RedisServer;
  readonly proxy: RedisProxy;
}

export function localGround(directory: string): Ground {
  const env = { ORCHESTRATOR_LOCAL_DIR: directory };
  return { store: 'local', watcherEnv: env, writerEnv: env };
}

export async function redisGround(owner: Owner, options: RedisServerOptions = {}): Promise<RedisGround> {
  const redis = await startRedis(owner, options);
  const proxy = await startProxy(owner, redis.port);
  return {
    store: 'redis',
    redis,
    proxy,
    watcherEnv: { ORCHESTRATOR_REDIS_URL: redis.url },
    writerEnv: { ORCHESTRATOR_REDIS_URL: proxy.url },
  };
}

/** For several projects, one after the other. */
export async function openGround(owner: Owner, store: SharedStore): Promise<Ground> {
  return store === 'local' ? localGround(scratchDir(owner, 'faults')) : redisGround(owner, LASTING);
}

/** What it has confirmed outlives a crash. */
export const LASTING: RedisServerOptions = { persistent: true, config: ['maxmemory-policy noeviction'] };

let projects = 0;

/** One project: its writers, what they recorded, and a process that serves what the store has. */
export class Stage {
  readonly model: Model = new Model();
  readonly ground: Ground;
  readonly #owner: Owner;
  readonly #prefix = `faults-${++projects}`;
  readonly #writers = new Map<number, Promise<Writer>>();
  /** For each process. */
  readonly #env: Readonly<Record<string, string>>;
  #port = 0;
  #watch: Watch | undefined;
  #watcher: AppProcess | undefined;
  /** Faults under way, and when the store was last away. */
  #away = 0;
  #awaySinceMark = Infinity;
  readonly ends: Map<End, number> = new Map();

  constructor(owner: Owner, ground: Ground, env: Readonly<Record<string, string>> = {}) {
    this.#owner = owner;
    this.ground = ground;
    this.#env = {
      ORCHESTRATOR_PREFIX: this.#prefix,
      ORCHESTRATOR_GAUGE_AGGREGATION: AGGREGATION,
      OTEL_METRIC_EXPORT_INTERVAL: String(INTERVAL_MS),
      OTEL_METRIC_EXPORT_TIMEOUT: '1000',
      ...env,
    };
  }

  /** The sanitized name of the project. */
  get prefix(): string {
    return this.#prefix;
  }

  get watch(): Watch {
    if (this.#watch === undefined) throw new Error('nobody watches yet');
    return this.#watch;
  }

  /** Of the process that is scraped. */
  get watcherPid(): number {
    return this.#watcher?.pid ?? 0;
  }

  /** Starts the process that is scraped. It reaches Redis directly. */
  async begin(): Promise<void> {
    const port = (this.#port = await freePort());
    const env = {
      ...this.ground.watcherEnv,
      ...this.#env,
      OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    };
    this.#watcher = startApp(this.#owner, 'server.cjs', { env });
    await this.#watcher.number('listening');
    this.#watch = new Watch(port);
    await eventually(() => this.watch.look());
    this.watch.begin();
  }

  /** Writer `number`, started if it does not run. Odd ones have a view, each third drains by itself. */
  writer(number: number): Promise<Writer> {
    let writer = this.#writers.get(number);
    if (writer === undefined) {
      const env = {
        ...this.ground.writerEnv,
        ...this.#env,
        // Whoever comes later waits for the port of the one that is scraped.
        OTEL_EXPORTER_PROMETHEUS_PORT: String(this.#port),
      };
      const options = { hasViews: hasViews(number), drains: drains(number) };
      writer = startWriter(this.#owner, env, this.model.begin(), options);
      this.#writers.set(number, writer);
    }
    return writer;
  }

  async running(): Promise<Writer[]> {
    return Promise.all(this.#writers.values());
  }

  async record(number: number, items: readonly Item[]): Promise<void> {
    const writer = await this.writer(number);
    // Only the view makes it what the model expects.
    await writer.record(items.filter(({ kind }) => kind !== 'latency' || hasViews(number)));
  }

  async end(number: number, end: End): Promise<void> {
    const writer = await this.#writers.get(number);
    if (writer === undefined) return;
    this.#writers.delete(number);
    const endMark = performance.now();
    const wasAway = this.#away > 0;
    await writer.end(end);
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
    const loss = lossOf(end, this.ground.store, wasAway || this.#away > 0, drains(number));
    writer.model.endedAtOnce = isAtOnce(end, drains(number));
    if (loss === 'nothing') writer.model.secure();
    else writer.model.secure(Math.min(endMark, this.#awaySinceMark) - INTERVAL_MS - LATE_MS);
  }

  /** The one Redis of this ground. */
  get redis(): RedisGround {
    if (!('proxy' in this.ground)) throw new Error('this ground has no Redis of its own');
    return this.ground as RedisGround;
  }

  /** While `during` runs, the store may not answer. */
  async whileAway<T>(during: () => Promise<T>): Promise<T> {
    if (this.#away === 0) this.#awaySinceMark = performance.now();
    this.#away += 1;
    try {
      return await during();
    } finally {
      this.#away -= 1;
    }
  }

  /** Waits until a scrape shows all that has to be there. Everything until now is secure from then on. */
  async settle(): Promise<void> {
    for (const { model } of await this.running()) model.secure();
    let last: readonly string[] = [];
    try {
      await eventually(
        async () => {
          last = this.model.differences(await this.watch.look());
          if (last.length > 0) throw new Error(last.join('\n'));
        },
        { deadlineMs: SETTLE_MS, everyMs: 200, giveUp: () => this.watch.violations.length > 0 },
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${await this.#output()}`, { cause: error });
    }
    if (this.#away === 0) this.#awaySinceMark = Infinity;
    for (const { model } of await this.running()) model.settled = model.items.length;
    if (this.watch.violations.length > 0) throw new Error(this.watch.violations.join('\n'));
  }

  async close(): Promise<void> {
    await this.#watch?.end();
    const writers = await this.running();
    for (const writer of writers) writer.continue();
    await Promise.all(writers.map((writer) => writer.end('SIGKILL')));
    await this.#watcher?.end('SIGKILL');
  }

  async #output(): Promise<string> {
    const writers = await this.running();
    return [
      this.#watcher?.stderr ?? '',
      ...writers.map(({ output }) => output.replaceAll('done\n', '')),
    ].join('\n');
  }
}

/** A killed process' gauges leave when its lease ends, after ten seconds. */
const SETTLE_MS = 90_000;

const hasViews = (number: number): boolean => number % 2 === 1;
const drains = (number: number): boolean => number % 3 === 2;
