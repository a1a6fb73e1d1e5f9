import { setTimeout as sleep } from 'node:timers/promises';

import type { FastifyReply, FastifyRequest } from 'fastify';

const MODES = ['ok', 'slow', 'error', 'reset', 'flap', 'reset-after'] as const;

interface Fault {
  readonly mode: (typeof MODES)[number];
  /** Of `slow`. */
  readonly ms: number;
  /** Share of the requests that `flap` lets fail. */
  readonly ratio: number;
  /** Only requests whose path begins so. */
  readonly path: string;
}

const NONE: Fault = { mode: 'ok', ms: 3000, ratio: 0.5, path: '/' };

/** Trouble that is switched on by `PUT /faults`, to be watched from outside. */
export class Faults {
  #fault: Fault = NONE;

  set(body: object): Fault {
    const fault = { ...NONE, ...body };
    if (!MODES.includes(fault.mode)) throw new Error(`mode must be one of ${MODES.join(', ')}`);
    this.#fault = fault;
    return fault;
  }

  /** Before anything is done. */
  async before(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (!this.#applies(request)) return;
    const { mode, ms, ratio } = this.#fault;
    if (mode === 'slow') await sleep(ms);
    else if (mode === 'error' || (mode === 'flap' && Math.random() < ratio))
      await reply.code(500).send({ error: 'a fault of the demo' });
    else if (mode === 'reset') request.raw.socket.destroy();
  }

  /** When the work is done, and its answer is not sent. */
  async after(request: FastifyRequest, _reply: FastifyReply): Promise<void> {
    if (this.#fault.mode === 'reset-after' && this.#applies(request)) request.raw.socket.destroy();
  }

  #applies({ url }: FastifyRequest): boolean {
    return (
      this.#fault.mode !== 'ok' && url !== '/faults' && url !== '/ledger' && url.startsWith(this.#fault.path)
    );
  }
}
