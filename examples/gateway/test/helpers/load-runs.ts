import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { freePort, Program } from '../../demo/program.js';
import { type Server, startRedis } from '../../demo/servers.js';
import { eventually } from './eventually.js';
import { GatewayProcess, ROOT, sumOf } from './gateway-process.js';
import { LoadClients } from './load-clients.js';

/** How long a service takes, so that requests are under way at any moment. */
const SERVICE_MS = 20;
const CALM_MS = 2000;
const DOWN_MS = 3000;
/** One export interval (1 s), and the time that a write may take on a busy machine. */
const UNFLUSHED_MS = 2000;
const REQUESTS = 'gateway_requests_total';

export interface LoadResult {
  readonly seconds: number;
  readonly sent: number;
  readonly answered: number;
  /** Answered with 200. */
  readonly succeeded: number;
  /** Statuses of the other answers. */
  readonly errorStatuses: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** By the endpoint. */
  readonly counted: number;
  readonly countedProxied: number;
  /** Answers of gateways shortly before they were killed: those that may be missing at the endpoint. */
  readonly unflushed: number;
  /** Milliseconds from the death of a service until its breaker is seen open, and from its start until it is seen closed. */
  readonly opensMs: readonly number[];
  readonly closesMs: readonly number[];
}

/** A service as a process of its own, at the same address each time. */
class ServiceProcess {
  readonly target: string;
  readonly #port: number;
  #program: Program | undefined;

  constructor(port: number) {
    this.#port = port;
    this.target = `127.0.0.1:${port}`;
  }

  async start(): Promise<void> {
    const env = { PATH: process.env['PATH'], PORT: String(this.#port) };
    const program = new Program(process.execPath, {
      args: ['dist/services/main.js', 'user'],
      cwd: ROOT,
      env,
    });
    this.#program = program;
    await program.until(async () => {
      const response = await fetch(`http://${this.target}/faults`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ mode: 'slow', ms: SERVICE_MS }),
      });
      await response.arrayBuffer();
      assert.equal(response.status, 200);
    });
  }

  async kill(): Promise<void> {
    await this.#program?.stop('SIGKILL');
  }
}

/** Two gateways of one project, each with clients of its own, in front of three services. */
class LoadRun {
  readonly #services: readonly ServiceProcess[];
  readonly #gateways: readonly GatewayProcess[];
  readonly #clients: readonly LoadClients[];
  readonly #redis: Server;
  readonly #opensMs: number[] = [];
  readonly #closesMs: number[] = [];
  #unflushed = 0;

  private constructor(
    redis: Server,
    services: readonly ServiceProcess[],
    gateways: readonly GatewayProcess[],
  ) {
    this.#redis = redis;
    this.#services = services;
    this.#gateways = gateways;
    this.#clients = gateways.map((gateway) => new LoadClients(() => `${gateway.url}/users/1`));
  }

  static async prepare(): Promise<LoadRun> {
    const redis = await startRedis();
    const services: ServiceProcess[] = [];
    for (let n = 0; n < 3; n += 1) services.push(new ServiceProcess(await freePort()));
    const targets = services.map(({ target }) => ({ url: `http://${target}` }));
    const config = {
      upstreams: { users: { targets, breaker: { halfOpenAfterMs: 500 } } },
      routes: [{ name: 'users', path: '/users/:id', upstream: 'users', timeoutMs: 10_000 }],
    };
    const env = { ORCHESTRATOR_REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    const gateways = [
      await GatewayProcess.prepare({ config, env }),
      await GatewayProcess.prepare({ config, env }),
    ];
    return new LoadRun(redis, services, gateways);
  }

  async run(rounds: number): Promise<LoadResult> {
    await Promise.all(this.#services.map((service) => service.start()));
    await Promise.all(this.#gateways.map((gateway) => gateway.launch()));
    const startedAt = performance.now();
    for (const clients of this.#clients) clients.start();
    await sleep(CALM_MS);
    for (let round = 0; round < rounds; round += 1) await this.#round(round);
    await Promise.all(this.#clients.map((clients) => clients.stop()));
    return this.#result((performance.now() - startedAt) / 1000);
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#clients.map((clients, index) =>
        clients.breakOff(async () => this.#gateways[index]?.stop('SIGKILL')),
      ),
    );
    await Promise.all(this.#services.map((service) => service.kill()));
    await this.#redis.stop();
  }

  async #round(round: number): Promise<void> {
    const service = this.#services[round % this.#services.length];
    const victim = (round + 1) % this.#gateways.length;
    const gateway = this.#gateways[victim];
    const clients = this.#clients[victim];
    if (service === undefined || gateway === undefined || clients === undefined)
      throw new Error('nobody to kill');
    await this.#loseService(service);
    await sleep(CALM_MS);
    await this.#loseGateway(gateway, clients);
    await sleep(CALM_MS);
  }

  /** Its breaker opens, and closes when the service is back; both as the endpoint tells it. */
  async #loseService(service: ServiceProcess): Promise<void> {
    const { target } = service;
    const [reader] = this.#gateways;
    const transitions = async (state: string): Promise<number> =>
      (await reader?.sum('gateway_breaker_transitions_total', { target, state })) ?? 0;
    const state = async (): Promise<number> => (await reader?.sum('gateway_breaker_state', { target })) ?? 0;
    const [opened, closed] = [await transitions('open'), await transitions('closed')];
    const killedAt = performance.now();
    await service.kill();
    await eventually(async () => {
      assert.ok((await transitions('open')) > opened, 'the breaker of a dead service did not open');
      assert.ok((await state()) > 0, 'the breaker of a dead service is closed');
    });
    this.#opensMs.push(performance.now() - killedAt);
    await sleep(Math.max(0, DOWN_MS - (performance.now() - killedAt)));
    await service.start();
    const startedAt = performance.now();
    await eventually(async () => {
      assert.ok(
        (await transitions('closed')) > closed,
        'the breaker of a service that is back did not close',
      );
      assert.equal(await state(), 0, 'the breaker of a service that is back is open');
    });
    this.#closesMs.push(performance.now() - startedAt);
  }

  /** Its clients stay away until it is back, as a balancer would see to. */
  async #loseGateway(gateway: GatewayProcess, clients: LoadClients): Promise<void> {
    const killedAt = performance.now();
    await clients.breakOff(() => gateway.stop('SIGKILL'));
    this.#unflushed += clients.answeredSince(killedAt - UNFLUSHED_MS);
    await gateway.launch();
    clients.start();
  }

  async #result(seconds: number): Promise<LoadResult> {
    const answers = this.#clients.flatMap((clients) => clients.answers);
    const times = answers.map(({ ms }) => ms).toSorted((a, b) => a - b);
    const samples = await this.#settled();
    return {
      seconds,
      sent: this.#clients.reduce((sum, clients) => sum + clients.sent, 0),
      answered: answers.length,
      succeeded: answers.filter(({ status }) => status === 200).length,
      errorStatuses: answers.map(({ status }) => status).filter((status) => status !== 200),
      p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
      p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
      counted: sumOf(samples, REQUESTS, { route: 'users' }),
      countedProxied: sumOf(samples, REQUESTS, { route: 'users', outcome: 'proxied' }),
      unflushed: this.#unflushed,
      opensMs: this.#opensMs,
      closesMs: this.#closesMs,
    };
  }

  /** The samples, when nothing has come for three export intervals. */
  async #settled(): Promise<ReadonlyMap<string, number>> {
    const [reader] = this.#gateways;
    if (reader === undefined) throw new Error('nobody to ask');
    let [last, same] = [-1, 0];
    return eventually(async () => {
      const samples = await reader.metrics();
      const total = sumOf(samples, REQUESTS, { route: 'users' });
      same = total === last ? same + 1 : 0;
      last = total;
      if (same < 3) {
        await sleep(1000);
        throw new Error('the endpoint still gets records');
      }
      return samples;
    });
  }
}

/** In each round a service is killed under load and started again, and then a gateway. */
export async function loadRun(rounds: number): Promise<LoadResult> {
  const run = await LoadRun.prepare();
  try {
    return await run.run(rounds);
  } finally {
    await run.stop();
  }
}

/** What a person reads of it. */
export function summaryOf(result: LoadResult): string {
  const { seconds, sent, answered, errorStatuses, p50Ms, p99Ms, counted, unflushed, opensMs, closesMs } =
    result;
  const errors = [`${errorStatuses.length} answered with an error`, ...new Set(errorStatuses)].join(' ');
  const list = (times: readonly number[]): string => times.map((ms) => `${Math.round(ms)} ms`).join(', ');
  return [
    `${seconds.toFixed(0)} s, ${sent} requests: ${errors}, ${sent - answered} without an answer`,
    `p50 ${p50Ms.toFixed(0)} ms, p99 ${p99Ms.toFixed(0)} ms; the service takes ${SERVICE_MS} ms`,
    `breaker seen open after ${list(opensMs)}, closed after ${list(closesMs)}`,
    `clients saw ${answered} answers, the endpoint has ${counted}: ${answered - counted} lost of at most ${unflushed}`,
  ].join('\n');
}

/** @throws AssertionError */
export function assertBounded(result: LoadResult): void {
  const { sent, answered, succeeded, p99Ms, counted, countedProxied, unflushed } = result;
  const summary = summaryOf(result);
  assert.ok(succeeded > 500, `too little load: ${summary}`);
  assert.ok((sent - succeeded) / sent < 0.05, `too many errors: ${summary}`);
  assert.ok(p99Ms < 5000, `too slow: ${summary}`);
  // A request is counted when its answer begins; of a gateway that dies then, nobody sees that answer.
  const unseen = sent - answered;
  assert.ok(counted <= answered + unseen, `more counted than asked: ${summary}`);
  assert.ok(counted >= answered - unflushed, `more lost than was not flushed: ${summary}`);
  assert.ok(countedProxied <= succeeded + unseen, `more successes counted than asked: ${summary}`);
  assert.ok(countedProxied >= succeeded - unflushed, `more successes lost than were not flushed: ${summary}`);
}
