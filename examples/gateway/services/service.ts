import { createHash } from 'node:crypto';

import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';

import { Faults } from './faults.js';

/** What a request that changes something is answered with. */
export interface Outcome {
  readonly status: number;
  readonly body: object;
}

/** One effect that a service had: what the tests count. */
export interface Effect {
  readonly kind: string;
  readonly order: string;
}

/**
 * The base of both services of the demo: each idempotency key is done once, faults can be switched on, and every effect is in a
 * ledger. They keep everything in memory.
 */
export class Service {
  readonly app: FastifyInstance = Fastify({ forceCloseConnections: true });
  readonly effects: Effect[] = [];
  readonly faults: Faults = new Faults();
  readonly #holds = new Map<string, (release: () => void) => void>();
  readonly #answers = new Map<string, Outcome>();
  /** Orders of which something was undone; what comes late for them is refused. */
  readonly #undone = new Set<string>();

  constructor(name: string) {
    this.app.addHook('preHandler', (request, reply) => this.faults.before(request, reply));
    this.app.get('/health', () => ({ status: 'up', service: name }));
    this.app.get('/ledger', () => ({ effects: this.effects }));
    this.app.put<{ Body: object }>('/faults', ({ body }) => this.faults.set(body as object));
  }

  /** Lets a test stop the next request of a path, before or after its effect. */
  hold(path: string, held: (release: () => void) => void, at: 'before' | 'after' = 'before'): void {
    this.#holds.set(`${at} ${path}`, held);
  }

  async #wait(at: 'before' | 'after', { url }: FastifyRequest): Promise<void> {
    const key = `${at} ${url}`;
    const held = this.#holds.get(key);
    if (held === undefined) return;
    this.#holds.delete(key);
    await new Promise<void>((release) => held(release));
  }

  /** A request that has one effect on an order, however often it comes. */
  effect(path: string, kind: string, run: (body: never) => Outcome): void {
    this.app.post<{ Body: { order: string } }>(path, async (request, reply) => {
      await this.#wait('before', request);
      const answer = this.#once(request, `${kind} ${request.body.order}`, () => {
        if (this.#undone.has(`${kind} ${request.body.order}`))
          return { status: 409, body: { error: `${kind} was undone before` } };
        const outcome = run(request.body as never);
        if (outcome.status < 300) this.effects.push({ kind, order: request.body.order });
        return outcome;
      });
      await this.#wait('after', request);
      await this.faults.after(request, reply);
      return reply.code(answer.status).send(answer.body);
    });
  }

  /** Undoes the effect `of` an order; also one that has not come yet, and may still be on its way. */
  undo(path: string, kind: string, of: string, run: (body: never) => void): void {
    this.app.post<{ Body: { order: string } }>(path, async (request, reply) => {
      const { order } = request.body;
      await this.#wait('before', request);
      const answer = this.#once(request, `${kind} ${order}`, () => {
        this.#undone.add(`${of} ${order}`);
        const done = this.effects.some((effect) => effect.kind === of && effect.order === order);
        if (done) {
          run(request.body as never);
          this.effects.push({ kind, order });
        }
        return { status: 200, body: { order, [kind]: done } };
      });
      await this.#wait('after', request);
      await this.faults.after(request, reply);
      return reply.code(answer.status).send(answer.body);
    });
  }

  #once({ headers }: FastifyRequest, fallback: string, run: () => Outcome): Outcome {
    const given = headers['idempotency-key'];
    const key = createHash('sha256')
      .update(typeof given === 'string' ? given : `${fallback} ${Math.random()}`)
      .digest('hex');
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const outcome = run();
    this.#answers.set(key, outcome);
    return outcome;
  }

  async listen(port: number, host = '127.0.0.1'): Promise<string> {
    return this.app.listen({ port, host });
  }
}
