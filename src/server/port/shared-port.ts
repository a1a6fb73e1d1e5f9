import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { markOwnServer, withoutSpans } from '../../own-traffic/own-traffic.js';
import type { PortProof } from '../access/port-proof.js';
import { type Warn, type WarningCode, warning } from '../../warnings.js';
import { watchApplicationPorts } from './application-port.js';
import { askPortHolder, type PortHolder } from './port-holder.js';

/** After the end of the process that served, each of those that wait tries after a random time of this range: one is first. */
const TAKEOVER_MS = { min: 100, max: 800 } as const;

/** A port that cannot be had and whose holder cannot be asked is tried again after as long, twice as long, … */
const RETRY_MS = 1000;
const MAX_RETRY_MS = 10_000;

/** A holder that does not answer may be a busy process of the project. After this time a person should know. */
const PATIENCE_MS = 60_000;

export interface SharedPortOptions {
  readonly host: string;
  readonly port: number;
  /** The project's prefix. */
  readonly prefix: string;
  /** The store of this process, as a person would name it. */
  readonly store: string;
  /** Where the metrics of this process are when the application has the port, as the end of a sentence. */
  readonly elsewhere: string;
  /** May throw: it is tried again. */
  readonly createServer: () => Server;
  /** Whether it speaks TLS. */
  readonly tls: boolean;
  /** What the processes of the project share; undefined if that is nothing. */
  readonly proof: PortProof | undefined;
  /** True if this project tells nobody without the right credentials what it serves. */
  readonly isClosed: boolean;
  readonly warn: Warn;
  /** Milliseconds until a holder is called silent. Default 60000. */
  readonly patienceMs?: number | undefined;
}

/**
 * The port of a project on a host: one process has it, the others wait for its end, each at an open connection to it.
 * A port in the hands of another project or program, or of the application itself, is left to them for good, also while
 * they restart.
 */
export class SharedPort {
  readonly #options: SharedPortOptions;
  readonly #unwatch: () => void;
  #server: Server | undefined;
  #timer: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #withdraw: (() => void) | undefined;
  /** How the holder is asked next: after an attempt without an answer the other way, as it may be older than the setting. */
  #asksTls: boolean;
  /** Attempts in a row that ended without an answer. */
  #failures = 0;
  readonly #listening: Array<() => void> = [];
  readonly #told = new Set<WarningCode | undefined>();
  #state: 'idle' | 'wanted' | 'left' | 'closed' = 'idle';

  constructor(options: SharedPortOptions) {
    this.#options = options;
    this.#asksTls = options.tls;
    this.#unwatch = watchApplicationPorts((port) => this.#applicationListens(port));
  }

  /** Where this process serves; undefined while another one does. */
  get address(): AddressInfo | undefined {
    const address = this.#server?.address();
    return typeof address === 'object' && address !== null ? address : undefined;
  }

  /** Takes the port now, or when the process of the project that has it ends. Can be called at any time after the start. */
  listen(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'wanted';
    // Not at once: the caller may be about to listen on this very port.
    process.nextTick(() => this.#bind());
  }

  /** Calls back once, when this process has the port. */
  whenListening(told: () => void): void {
    this.#listening.push(told);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
    this.#unwatch();
    this.#rest();
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  #bind(): void {
    if (this.#state !== 'wanted') return;
    const server = this.#create();
    if (server === undefined) return;
    markOwnServer(server);
    server.on('listening', () => {
      this.#failures = 0;
      for (const told of this.#listening.splice(0)) told();
    });
    server.on('error', (error: NodeJS.ErrnoException) => {
      server.close();
      if (this.#server === server) this.#failed(error);
    });
    this.#server = server;
    const { host, port } = this.#options;
    // In a cluster worker `exclusive` keeps the port out of the primary's hands, which would spread scrapes over workers.
    withoutSpans(() => server.listen({ host, port, exclusive: true }));
    server.unref();
  }

  #create(): Server | undefined {
    try {
      return this.#options.createServer();
    } catch (error) {
      this.#tell(...warning('ORCHESTRATOR_CANNOT_LISTEN', { error }));
      this.#retry();
      return undefined;
    }
  }

  #failed(error: NodeJS.ErrnoException): void {
    this.#server = undefined;
    if (this.#state !== 'wanted') return;
    if (error.code === 'EADDRINUSE') this.#ask();
    else {
      this.#tell(...warning('ORCHESTRATOR_CANNOT_LISTEN', { error }));
      this.#retry();
    }
  }

  #ask(): void {
    const { host, port, prefix, store, proof } = this.#options;
    let known = false;
    this.#silence ??= setTimeout(() => this.#silent(), this.#options.patienceMs ?? PATIENCE_MS).unref();
    this.#withdraw = askPortHolder({
      host,
      port,
      tls: this.#asksTls,
      project: prefix,
      store,
      proof,
      answered: (holder) => {
        known = true;
        this.#failures = 0;
        clearTimeout(this.#silence);
        this.#silence = undefined;
        this.#meet(holder);
      },
      closed: () => {
        this.#withdraw = undefined;
        if (known) this.#after(TAKEOVER_MS.min + Math.random() * (TAKEOVER_MS.max - TAKEOVER_MS.min));
        else {
          this.#asksTls = !this.#asksTls;
          this.#retry();
        }
      },
    });
  }

  #meet(holder: PortHolder): void {
    const { port, prefix, store, proof, isClosed } = this.#options;
    if (holder.kind === 'other project' || holder.kind === 'other program') {
      const owner = holder.kind === 'other project' ? `the project "${holder.project}"` : 'another program';
      this.#leave();
      this.#tell(...warning('ORCHESTRATOR_PORT_TAKEN', { port, owner, prefix }));
    } else if (holder.kind === 'closed project') {
      // Two processes with certificates alone have no secret by which to know each other.
      if (proof !== undefined || !isClosed)
        this.#tell(...warning('ORCHESTRATOR_PORT_CLOSED', { port, prefix }));
    } else if (holder.otherStore !== undefined) {
      const values = { pid: holder.pid ?? 'unknown', port, prefix, theirs: holder.otherStore, ours: store };
      this.#tell(...warning('ORCHESTRATOR_STORES_DIFFER', values));
    }
  }

  #silent(): void {
    const { port, prefix } = this.#options;
    this.#tell(...warning('ORCHESTRATOR_PORT_SILENT', { port, prefix }));
  }

  #applicationListens(listened: number): void {
    const { port, prefix, elsewhere } = this.#options;
    if (this.#state === 'left' || this.#state === 'closed') return;
    if (listened !== port && listened !== this.address?.port) return;
    const server = this.#server;
    this.#leave();
    // Frees the port at once; answers under way are finished.
    server?.close();
    this.#tell(...warning('ORCHESTRATOR_PORT_LEFT', { port: listened, prefix, elsewhere }));
  }

  #leave(): void {
    // It goes on watching: to leave a channel while it publishes would cost the listener behind ours its message.
    this.#state = 'left';
    this.#server = undefined;
    this.#rest();
  }

  /** Ends whatever would lead to the next attempt. */
  #rest(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#withdraw?.();
    this.#withdraw = undefined;
  }

  #retry(): void {
    this.#after(Math.min(RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS) * (0.5 + Math.random() / 2));
    this.#failures += 1;
  }

  #after(milliseconds: number): void {
    if (this.#state !== 'wanted') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#bind(), milliseconds).unref();
  }

  /** Each trouble once: the next question mostly finds the same. */
  #tell(...[message, code]: Parameters<Warn>): void {
    if (this.#told.has(code)) return;
    this.#told.add(code);
    this.#options.warn(message, code);
  }
}
