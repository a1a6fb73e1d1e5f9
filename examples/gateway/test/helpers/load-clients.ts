import type { EventEmitter } from 'node:events';

import autocannon from 'autocannon';

/** At one gateway. */
const CONNECTIONS = 10;
/** Requests of one run of autocannon; run follows run, so that clients can end without leaving a request. */
const REQUESTS_PER_RUN = 200;
/** Longer than a gateway takes with all its attempts: nobody leaves early. */
const TIMEOUT_SECONDS = 60;

interface Answer {
  readonly at: number;
  readonly status: number;
  readonly ms: number;
}

/** Clients of one gateway, who ask without a pause. */
export class LoadClients {
  sent = 0;
  readonly answers: Answer[] = [];
  readonly #url: () => string;
  #stopping = false;
  #run: autocannon.Instance | undefined;
  #ended: Promise<void> = Promise.resolve();

  /** @param url asked before each run: a gateway that was started again is somewhere else */
  constructor(url: () => string) {
    this.#url = url;
  }

  start(): void {
    this.#stopping = false;
    this.#ended = this.#askOnAndOn();
  }

  /** Resolves when every request under way has its answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  /** While they ask, their gateway is killed: what is under way gets no answer. */
  async breakOff(kill: () => Promise<void>): Promise<void> {
    this.#stopping = true;
    await kill();
    this.#run?.stop();
    await this.#ended;
  }

  /** Answers that came after a moment, of `performance.now()`. */
  answeredSince(moment: number): number {
    return this.answers.filter(({ at }) => at > moment).length;
  }

  async #askOnAndOn(): Promise<void> {
    while (!this.#stopping) await this.#askOnce();
  }

  #askOnce(): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = {
        url: this.#url(),
        connections: CONNECTIONS,
        amount: REQUESTS_PER_RUN,
        timeout: TIMEOUT_SECONDS,
        // Milliseconds between two looks whether the run has ended.
        sampleInt: 50,
        // Or it would try again and again, without a pause, to connect to a gateway that was killed.
        bailout: 1,
        setupClient: (client: EventEmitter) => this.#count(client),
      };
      this.#run = autocannon(options, (error: Error | null) => (error === null ? resolve() : reject(error)));
      this.#run.on('response', (_client, status, _bytes, ms) =>
        this.answers.push({ at: performance.now(), status, ms }),
      );
    });
  }
  /** A connection that cannot be made again asks no more: what it would go on to try is no request. */
  #count(client: EventEmitter): void {
    const sent = (): void => void (this.sent += 1);
    client.on('request', sent);
    client.once('connError', () => client.off('request', sent));
  }
}
