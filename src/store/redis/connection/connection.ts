import { setTimeout as sleep } from 'node:timers/promises';

import type { Redis } from 'ioredis';

import { OrchestratorError, orchestratorError } from '../../../errors.js';
import { deadline } from '../../../event-loop/deadline.js';
import type { RedisScript } from '../scripts/script.js';
import { addressOf, createClient, openClient, type RedisNode, type RedisTarget } from './client.js';
import { type Command, evaluate, pipeline, type Route } from './commands.js';
import { explain, isRefusedCommand } from './failure.js';
import { isSlotMoving, redirectionOf } from './redirection.js';
import { canAnswer } from './reply-shapes.js';
import { findMaster } from './sentinel.js';

/** A cluster that keeps answering MOVED is reconfiguring; the next flush tries again. */
const MAX_REDIRECTS = 4;

/** How long a script waits for a slot whose keys are on two nodes; most are moved in less. */
const SLOT_PATIENCE_MS = 400;
const SLOT_RETRY_MS = 50;

/**
 * One connection, opened when it is needed and dropped after any failure, so that no half-dead socket stays behind when a
 * master moves, a server hangs or a proxy swallows a reply. It never keeps the process alive and has no timer of its own:
 * the caller's next flush is the retry.
 *
 * Cluster: a project's keys share one hash tag and so one slot. A connection to the master of that slot is enough; MOVED
 * names it. While the slot is being moved, ASK names the node that has some of the keys already.
 *
 * Both calls reject after the timeout with an unknown outcome, and with an OrchestratorError in every other failure. An answer
 * that makes no sense ends the connection like any failure: the next ones would be those of other commands.
 */
export class RedisConnection {
  readonly #target: RedisTarget;
  readonly #timeoutMs: number;
  #client: Redis | undefined;
  #opening: Promise<Redis> | undefined;
  /** Cluster: the master of our slot, as far as known. */
  #owner: RedisNode | undefined;
  /** Cluster: the node to which our slot is being moved. */
  #importing: { readonly node: RedisNode; readonly client: Promise<Redis> } | undefined;
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

  /** The node that answers; undefined while there is no connection. */
  get node(): (RedisNode & { readonly address: string | undefined }) | undefined {
    if (this.#client?.status !== 'ready') return undefined;
    const { host = '', port = 0 } = this.#client.options;
    return { host, port, address: addressOf(this.#client) };
  }

  /** Runs a script. Rejects with TRYAGAIN if the keys are on two nodes for longer than a moment. */
  async run<Call, Reply>(script: RedisScript<Call, Reply>, call: Call): Promise<Reply> {
    const encoded = script.encode(call);
    return this.#attempt(async (client) => {
      for (let waitedMs = 0; ; waitedMs += SLOT_RETRY_MS) {
        try {
          return script.decode(await this.#evaluate(client, script, encoded), call);
        } catch (error) {
          if (!isSlotMoving(error) || waitedMs >= SLOT_PATIENCE_MS) throw error;
          await sleep(SLOT_RETRY_MS, undefined, { ref: false });
        }
      }
    });
  }

  /**
   * Runs commands of one key each, or of none, in one round trip. Replies are Buffers. An error takes the place of a reply
   * where a key is of another type, and where an HSCAN cannot go on because its key has moved to another node (ASK).
   */
  read(commands: readonly Command[]): Promise<unknown[]> {
    return this.#attempt(async (client) => {
      const replies = await pipeline({ client, asking: false }, commands);
      await this.#readFromImporting(client, commands, replies);
      for (const [index, reply] of replies.entries()) {
        const mayFail = isHscanContinued(commands[index]) ? /^(?:WRONGTYPE|ASK)/ : /^WRONGTYPE/;
        if (reply instanceof Error && !mayFail.test(reply.message)) throw reply;
      }
      const foreign = commands.find((command, index) => !canAnswer(command, replies[index]));
      if (foreign !== undefined) {
        const values = { store: this.description, command: foreign[0] };
        throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'nonsense', values);
      }
      return replies;
    });
  }

  /** Puts in place the replies for keys that are on another node already. */
  async #readFromImporting(client: Redis, commands: readonly Command[], replies: unknown[]): Promise<void> {
    let node: RedisNode | undefined;
    const moved = new Map<number, Command>();
    for (const [index, command] of commands.entries()) {
      const reply = replies[index];
      const redirection = reply instanceof Error ? redirectionOf(reply, hostOf(client)) : undefined;
      if (redirection?.kind !== 'ask' || isHscanContinued(command)) continue;
      node = redirection.node;
      moved.set(index, command);
    }
    if (node === undefined) return;
    const route = { client: await this.#importingClient(node), asking: true };
    const found = await pipeline(route, [...moved.values()]);
    for (const [at, index] of [...moved.keys()].entries()) replies[index] = found[at];
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #evaluate(
    client: Redis,
    script: RedisScript<never, unknown>,
    encoded: Parameters<typeof evaluate>[2],
  ): Promise<unknown> {
    try {
      return await evaluate({ client, asking: false }, script, encoded);
    } catch (error) {
      const redirection = redirectionOf(error, hostOf(client));
      if (redirection?.kind !== 'ask') throw error;
      const route: Route = { client: await this.#importingClient(redirection.node), asking: true };
      return evaluate(route, script, encoded);
    }
  }

  async #attempt<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    try {
      return await deadline(this.#follow(work), this.#timeoutMs, () => {
        const values = { store: this.description, ms: this.#timeoutMs };
        return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'noAnswer', values);
      });
    } catch (error) {
      // Other calls may be using the connection.
      if (!isRefusedCommand(error)) this.#drop();
      throw error instanceof OrchestratorError ? error : explain(error, this.description);
    }
  }

  async #follow<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    for (let hop = 0; ; hop += 1) {
      const client = await this.#connected();
      try {
        return await work(client);
      } catch (error) {
        const redirection = redirectionOf(error, hostOf(client));
        if (redirection?.kind !== 'moved' || hop === MAX_REDIRECTS) throw error;
        this.#moveTo(client, redirection.node);
      }
    }
  }

  /** Leaves a node that does not own our slot, once; the connection closes after the calls under way are answered. */
  #moveTo(client: Redis, node: RedisNode): void {
    if (this.#client !== client) return;
    this.#owner = node;
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
      await openClient(client);
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

  #importingClient(node: RedisNode): Promise<Redis> {
    const known = this.#importing;
    if (known?.node.host === node.host && known.node.port === node.port) return known.client;
    this.#dropImporting();
    const client = createClient(this.#target, node, this.#timeoutMs);
    const opening = openClient(client).then(() => client);
    this.#importing = { node, client: opening };
    return opening;
  }

  #drop(): void {
    this.#attempts += 1;
    this.#opening = undefined;
    this.#owner = undefined;
    this.#client?.disconnect();
    this.#client = undefined;
    this.#dropImporting();
  }

  #dropImporting(): void {
    this.#importing?.client.then(
      (client) => client.disconnect(),
      () => undefined,
    );
    this.#importing = undefined;
  }
}

/** A cursor means something to the node that gave it. */
function isHscanContinued(command: Command | undefined): boolean {
  return command?.[0] === 'HSCAN' && command[2] !== '0';
}

function hostOf(client: Redis): string {
  return client.options.host ?? '';
}
