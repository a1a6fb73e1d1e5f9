import { ServerDownError } from './database-errors.js';
import type { DatabaseServer } from './database-server.js';
import { lagOf, NOT_SEEN, Probe, type Observation } from './probe.js';

export interface ConnectionManagerOptions {
  readonly probeIntervalMs: number;
  /** Told about a server that comes, goes, or changes its role. */
  readonly onChange?: (server: DatabaseServer) => void;
}

/**
 * Knows which server is the primary at present, by asking each of them again and again, as `target_session_attrs=read-write`
 * does once. So a replica that is promoted gets the writes without a change of settings.
 */
export class ConnectionManager {
  readonly servers: readonly DatabaseServer[];
  readonly #probes: ReadonlyMap<DatabaseServer, Probe>;
  readonly #options: ConnectionManagerOptions;
  readonly #seen = new Map<DatabaseServer, Observation>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #newestTimeline = 0;

  constructor(servers: readonly DatabaseServer[], options: ConnectionManagerOptions) {
    this.servers = servers;
    this.#options = options;
    this.#probes = new Map(servers.map((server) => [server, new Probe(server)]));
  }

  /** Looks at all servers once, then at each interval. */
  async start(): Promise<void> {
    await this.lookNow();
    this.#timer = setInterval(() => void this.lookNow(), this.#options.probeIntervalMs);
  }

  /**
   * The server that takes writes, or undefined. A server that still calls itself the primary after another one was promoted
   * has an older timeline: it is not the primary, however long it lives.
   */
  get primary(): DatabaseServer | undefined {
    return this.servers.find(
      ({ status }) => status.up && status.role === 'primary' && status.timeline >= this.#newestTimeline,
    );
  }

  get replicas(): readonly DatabaseServer[] {
    return this.servers.filter(({ status }) => status.role === 'replica' && status.up);
  }

  /** Also called when a request has failed, so that nobody waits for the interval. One look is under way at any time. */
  async lookNow(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    await this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all([...this.#probes.values()].map((probe) => probe.close()));
    await Promise.all(this.servers.map((server) => server.close()));
  }

  async #look(): Promise<void> {
    // Each as soon as it has answered: one that does not answer holds the news of the others up for no longer than its own.
    await Promise.all(
      [...this.#probes].map(async ([server, probe]) => this.#update(server, await probe.look())),
    );
    for (const server of this.servers) server.status = { ...server.status, lagMs: this.#lagOf(server) };
  }

  #update(server: DatabaseServer, observation: Observation): void {
    const before = server.status;
    const { up, role, position, timeline } = observation;
    this.#seen.set(server, observation);
    server.status = { up, role, position, timeline, lagMs: this.#lagOf(server) };
    if (role === 'primary') this.#newestTimeline = Math.max(this.#newestTimeline, timeline);
    tellBreaker(server);
    if (before.up !== up || before.role !== role) this.#options.onChange?.(server);
  }

  #lagOf(server: DatabaseServer): number {
    return lagOf(this.#seen.get(server) ?? NOT_SEEN, this.primary?.status.position);
  }
}

/**
 * Looks count for the circuit breaker too, else it would stay closed while a server is down and nobody asks for it, and open until
 * somebody does. Only in one direction: a server that answers looks may still fail at requests.
 */
function tellBreaker({ name, status, breaker }: DatabaseServer): void {
  const done = (): void => undefined;
  if (status.up && breaker.state === 'open') void breaker.execute(async () => undefined).catch(done);
  if (status.up || breaker.state !== 'closed') return;
  const fail = async (): Promise<never> => {
    throw new ServerDownError(`${name} does not answer`);
  };
  void breaker.execute(fail).catch(done);
}
