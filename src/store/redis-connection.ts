import type { Redis } from 'ioredis';

import { OrchestratorError, reason } from '../errors.js';
import { deadline } from './deadline.js';
import { createClient, type RedisNode, type RedisTarget } from './redis-client.js';

/** A cluster that keeps answering MOVED is reconfiguring; the next flush tries again. */
const MAX_REDIRECTS = 4;

/**
 * One connection, opened when it is needed and dropped after any failure, so that a master that moved, a server that
 * hangs or a proxy that swallowed a reply never leaves a half-dead socket behind. It never keeps the process alive and
 * has no timer of its own: the caller's next flush is the retry.
 *
 * Cluster: a project's keys share one hash tag, therefore one slot, so that the connection to that slot's master is all
 * that is needed. MOVED tells which one it is.
 */
export class RedisConnection {
  readonly #target: RedisTarget;
  readonly #timeoutMs: number;
  #client: Redis | undefined;
  #opening: Promise<Redis> | undefined;
  /** Cluster: the master of our slot, as far as known. */
  #owner: RedisNode | undefined;
  #nextNode = 0;
  #closed = false;

  constructor(target: RedisTarget, timeoutMs: number) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
  }

  get description(): string {
    const { mode, nodes, path, name, tls } = this.#target;
    const where =
      path ?? nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
    return `redis ${mode === 'standalone' ? '' : `${mode} `}${mode === 'sentinel' ? `${name ?? ''} ` : ''}${where}${tls ? ' (TLS)' : ''}`;
  }

  /**
   * Runs commands on a connected client. Rejects after the timeout with an unknown outcome, and with an OrchestratorError
   * in every other failure; in both cases the connection is gone.
   */
  async use<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    try {
      return await deadline(
        this.#follow(work),
        this.#timeoutMs,
        () => `no answer within ${this.#timeoutMs} ms`,
      );
    } catch (error) {
      this.#drop();
      throw this.#explain(error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #follow<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    for (let hop = 0; ; hop++) {
      try {
        return await work(await this.#connected());
      } catch (error) {
        const moved = /^MOVED \d+ (?<host>.*):(?<port>\d+)$/.exec(reason(error));
        if (moved?.groups === undefined || hop === MAX_REDIRECTS) throw error;
        const host = moved.groups['host'] ?? '';
        this.#owner = {
          host: host === '' ? (this.#client?.options.host ?? '') : host,
          port: Number(moved.groups['port']),
        };
        this.#drop(this.#owner);
      }
    }
  }

  #connected(): Promise<Redis> {
    if (this.#closed)
      return Promise.reject(new OrchestratorError('ORCHESTRATOR_STORE_CLOSED', 'The store is closed.'));
    if (this.#client?.status === 'ready') return Promise.resolve(this.#client);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Redis> {
    const client = createClient(this.#target, this.#owner ?? this.#someNode(), this.#timeoutMs);
    let cause: unknown;
    client.on('error', (error: unknown) => {
      cause = error;
    });
    this.#client = client;
    try {
      await client.connect();
      // A refused login is reported as an event; the connection then counts as ready all the same.
      if (cause !== undefined) throw cause;
      return client;
    } catch (error) {
      client.disconnect();
      throw cause ?? error;
    }
  }

  #someNode(): RedisNode | undefined {
    const { mode, nodes } = this.#target;
    return mode === 'sentinel' ? undefined : nodes[this.#nextNode++ % Math.max(nodes.length, 1)];
  }

  #drop(owner?: RedisNode): void {
    this.#owner = owner;
    this.#client?.disconnect();
    this.#client = undefined;
  }

  #explain(error: unknown): OrchestratorError {
    if (error instanceof OrchestratorError) return error;
    const message = reason(error).replace(/\.+$/, '');
    const problem = (code: 'ORCHESTRATOR_STORE_REFUSED' | 'ORCHESTRATOR_STORE_UNAVAILABLE', advice: string) =>
      new OrchestratorError(code, `${this.description}: ${message}.${advice && ` ${advice}`}`, {
        cause: error,
      });
    if (/^(?:WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/.test(message)) {
      return problem(
        'ORCHESTRATOR_STORE_REFUSED',
        'Check user and password in ORCHESTRATOR_REDIS_URL, or ORCHESTRATOR_REDIS_USERNAME and ORCHESTRATOR_REDIS_PASSWORD.',
      );
    }
    if (message.startsWith('NOPERM')) {
      return problem(
        'ORCHESTRATOR_STORE_REFUSED',
        'The ACL user needs the keys ~orchestrator:{prefix}:* and the commands of docs/security.md.',
      );
    }
    if (/ENOTFOUND|EAI_AGAIN/.test(message)) {
      return problem(
        'ORCHESTRATOR_STORE_UNAVAILABLE',
        'Check the host name in ORCHESTRATOR_REDIS_URL or ORCHESTRATOR_REDIS_NODES.',
      );
    }
    return problem('ORCHESTRATOR_STORE_UNAVAILABLE', '');
  }
}
