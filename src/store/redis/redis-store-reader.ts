import type { ProjectName, ProjectReader, StoreReader, StoreReaderContext } from '../store-reader.js';
import { orchestratorError, OrchestratorError } from '../../errors.js';
import type { RedisTarget } from './connection/client.js';
import { type Command, strings } from './connection/commands.js';
import { RedisConnection } from './connection/connection.js';
import { RedisProjectReader } from './reading/project-reader.js';
import { PROJECTS_KEY, redisKeys } from './scripts/keys.js';

/** Projects whose names are asked for in one round trip. */
const TRIP_PROJECTS = 200;

/**
 * Reads all projects of one Redis. A user with `%R~orchestrator:*` and the commands that read is enough, and so is a replica.
 *
 * @param timeoutMs how long any one step may take
 */
export function createRedisStoreReader(
  context: StoreReaderContext,
  target: RedisTarget,
  timeoutMs: number,
): StoreReader {
  return new RedisStoreReader(context, target, timeoutMs);
}

class RedisStoreReader implements StoreReader {
  readonly description: string;
  readonly #context: StoreReaderContext;
  readonly #target: RedisTarget;
  readonly #timeoutMs: number;
  /** Of the list; without a cluster also of all projects. */
  readonly #connection: RedisConnection;
  /** Cluster: a project is one slot, and a connection stays with the node of one. */
  readonly #ofProjects = new Map<string, RedisConnection>();

  constructor(context: StoreReaderContext, target: RedisTarget, timeoutMs: number) {
    this.#context = context;
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#connection = new RedisConnection(target, timeoutMs);
    this.description = this.#connection.description;
  }

  async projects(): Promise<ProjectName[]> {
    const prefixes = await this.#listed();
    // The list remembers a project for longer than the store has its data.
    const found =
      this.#target.mode === 'cluster'
        ? await Promise.all(prefixes.map((prefix) => this.find(prefix)))
        : await this.#names(prefixes);
    return found.filter((one) => one !== undefined);
  }

  async find(prefix: string): Promise<ProjectName | undefined> {
    const [found] = await this.#names([prefix], this.#connectionOf(prefix));
    return found;
  }

  open(name: ProjectName): ProjectReader {
    const { prefix } = name;
    const connection = this.#connectionOf(prefix);
    return new RedisProjectReader({ ...this.#context, ...name }, connection, redisKeys(prefix), () => {
      if (connection === this.#connection) return;
      connection.close();
      this.#ofProjects.delete(prefix);
    });
  }

  close(): Promise<void> {
    this.#connection.close();
    for (const connection of this.#ofProjects.values()) connection.close();
    this.#ofProjects.clear();
    return Promise.resolve();
  }

  async #listed(): Promise<string[]> {
    try {
      const [listed] = await this.#connection.read([['ZRANGE', PROJECTS_KEY, 0, '-1']]);
      return strings(listed).toSorted();
    } catch (error) {
      if (!(error instanceof OrchestratorError) || !/NOPERM/.test(error.message)) throw error;
      const values = { store: this.description };
      throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'list', values, { cause: error });
    }
  }

  async #names(
    prefixes: readonly string[],
    connection = this.#connection,
  ): Promise<Array<ProjectName | undefined>> {
    const found: Array<ProjectName | undefined> = [];
    for (let from = 0; from < prefixes.length; from += TRIP_PROJECTS) {
      const some = prefixes.slice(from, from + TRIP_PROJECTS);
      const replies = await connection.read(
        some.map((prefix): Command => ['HGET', redisKeys(prefix).project, 'name']),
      );
      for (const [index, prefix] of some.entries()) {
        const name = replies[index];
        found.push(Buffer.isBuffer(name) ? { prefix, project: name.toString() } : undefined);
      }
    }
    return found;
  }

  #connectionOf(prefix: string): RedisConnection {
    if (this.#target.mode !== 'cluster') return this.#connection;
    let connection = this.#ofProjects.get(prefix);
    if (connection === undefined) {
      connection = new RedisConnection(this.#target, this.#timeoutMs);
      this.#ofProjects.set(prefix, connection);
    }
    return connection;
  }
}
