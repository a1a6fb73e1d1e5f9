import type { Redis } from 'ioredis';

import { OrchestratorError, orchestratorError, reason } from '../../../errors.js';
import { deadline } from '../../../event-loop/deadline.js';
import type { RedisScript } from '../scripts/script.js';
import { runScript } from './commands.js';
import { createClient, type RedisNode, type RedisTarget } from './client.js';
import { findMaster } from './sentinel.js';

/** A cluster that keeps answering MOVED is reconfiguring; the next flush tries again. */
const MAX_REDIRECTS = 4;

/**
 * One connection, opened when it is needed and dropped after any failure, so that no half-dead socket stays behind when a
 * master moves, a server hangs or a proxy swallows a reply. It never keeps the process alive and has no timer of its own:
 * the caller's next flush is the retry.
 *
 * Cluster: a project's keys share one hash tag and so one slot. A connection to the master of that slot is enough; MOVED
 * names it.
 */
export class RedisConnection {
  readonly #target: RedisTarget;
  readonly #timeoutMs: number;
  #client: Redis | undefined;
  #opening: Promise<Redis> | undefined;
  /** Cluster: the master of our slot, as far as known. */
  #owner: RedisNode | undefined;
  /** Counts openings and drops, so that an opening that was dropped meanwhile recognizes it. */
  #attempts = 0;
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
      return await deadline(this.#follow(work), this.#timeoutMs, () => {
        const values = { store: this.description, ms: this.#timeoutMs };
        return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'noAnswer', values);
      });
    } catch (error) {
      // A refused command says nothing about the connection, which other calls may be using.
      if (!reason(error).startsWith('NOPERM')) this.#drop();
      throw this.#explain(error);
    }
  }

  /** Runs a script. */
  run<Call, Reply>(script: RedisScript<Call, Reply>, call: Call): Promise<Reply> {
    return this.use((client) => runScript(client, script, call));
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #follow<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    for (let hop = 0; ; hop++) {
      const client = await this.#connected();
      try {
        return await work(client);
      } catch (error) {
        const moved = /^MOVED \d+ (?<host>.*):(?<port>\d+)$/.exec(reason(error));
        if (moved?.groups === undefined || hop === MAX_REDIRECTS) throw error;
        this.#moveTo(client, moved.groups['host'] ?? '', Number(moved.groups['port']));
      }
    }
  }

  /** Leaves a node that does not own our slot, once; the connection closes after the calls under way are answered. */
  #moveTo(client: Redis, host: string, port: number): void {
    if (this.#client !== client) return;
    this.#owner = { host: host === '' ? (client.options.host ?? '') : host, port };
    this.#client = undefined;
    client.quit().catch(() => undefined);
  }

  #connected(): Promise<Redis> {
    if (this.#closed)
      return Promise.reject(orchestratorError('ORCHESTRATOR_STORE_CLOSED', 'closed', { kind: 'Redis' }));
    if (this.#client?.status === 'ready') return Promise.resolve(this.#client);
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Redis> {
    const attempt = ++this.#attempts;
    try {
      const node = this.#owner ?? (await this.#locate(attempt));
      if (attempt !== this.#attempts) throw new Error('Given up.');
      const client = createClient(this.#target, node, this.#timeoutMs);
      this.#client = client;
      await connect(client);
      return client;
    } finally {
      if (attempt === this.#attempts) this.#opening = undefined;
    }
  }

  /** Another node at each attempt, for one may be dead. */
  async #locate(attempt: number): Promise<RedisNode | undefined> {
    const { mode, nodes } = this.#target;
    return mode === 'sentinel'
      ? findMaster(this.#target, this.#timeoutMs, attempt)
      : nodes[attempt % Math.max(nodes.length, 1)];
  }

  #drop(): void {
    this.#attempts++;
    this.#opening = undefined;
    this.#owner = undefined;
    this.#client?.disconnect();
    this.#client = undefined;
  }

  #explain(error: unknown): OrchestratorError {
    if (error instanceof OrchestratorError) return error;
    const message = reason(error).replace(/\.+$/, '');
    const values = { store: this.description, error: message };
    const options = causeOf(error);
    const refused = (which: 'login' | 'sentinelLogin' | 'database' | 'certificate' | 'rights') =>
      orchestratorError('ORCHESTRATOR_STORE_REFUSED', which, values, options);
    if (/^(?:WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/.test(message))
      return refused(this.#target.mode === 'sentinel' ? 'sentinelLogin' : 'login');
    if (/^ERR (?:DB index|invalid DB|SELECT)/i.test(message)) return refused('database');
    if (/certificate|altname/i.test(message)) return refused('certificate');
    if (message.startsWith('NOPERM')) return refused('rights');
    const which = /ENOTFOUND|EAI_AGAIN/.test(message) ? 'unknownHost' : 'redis';
    return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', which, values, options);
  }
}

async function connect(client: Redis): Promise<void> {
  let cause: unknown;
  client.on('error', (error: unknown) => {
    cause = error;
  });
  try {
    await client.connect();
    // A refused login is reported as an event; the connection then counts as ready all the same.
    if (cause !== undefined) throw cause;
  } catch (error) {
    client.disconnect();
    throw cause ?? error;
  }
}

/** An error of a reply carries its command, and with it the password or the whole batch; those are not passed on. */
function causeOf(error: unknown): ErrorOptions {
  return typeof error === 'object' && error !== null && 'command' in error ? {} : { cause: error };
}
