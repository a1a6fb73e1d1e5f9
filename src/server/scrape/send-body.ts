import type { ServerResponse } from 'node:http';

import { yieldToEventLoop } from '../../event-loop/fair-yield.js';

/** How long a client may take, in milliseconds. */
export interface SendLimits {
  /** Without taking a byte. */
  readonly stallMs: number;
  /** For the whole body. */
  readonly totalMs: number;
}

/**
 * How long one response may be written to without a break, in milliseconds. While the kernel has room, no write waits for the
 * event loop: some hundred responses at once would hold it for as many milliseconds.
 */
const TURN_MS = 0.5;

/**
 * Writes a body as fast as its reader takes it, and ends the response. Rejects when the connection closes, when another
 * party ends the response, or when the client is too slow; the rendering ends then.
 *
 * Applications wrap the response: `compression`, as many others, drops the callback of `write()` and keeps the piece. So
 * only `drain` is relied on, and pieces must not be recycled. (Node's own `pipeline` waits for ever when another party ends
 * the response.)
 */
export async function sendBody(
  body: AsyncIterable<Buffer>,
  response: ServerResponse,
  { stallMs, totalMs }: SendLimits,
): Promise<void> {
  const reader = new Reader(response);
  const endMark = performance.now() + totalMs;
  let turnMark = -Infinity;
  for await (const piece of body) {
    if (performance.now() - turnMark > TURN_MS) {
      await yieldToEventLoop();
      turnMark = performance.now();
    }
    // A wrapped `write()` may return nothing; only `false` is followed by `drain`.
    const written: unknown = reader.hasLeft || response.write(piece);
    if (written === false) await reader.ready(stallMs);
    if (reader.hasLeft) break;
    if (performance.now() > endMark) throw new Error('The reader is too slow.');
  }
  if (reader.hasLeft) throw new Error('The reader has left.');
  response.end();
}

/** The client at the other end of a response. */
class Reader {
  hasLeft: boolean;
  #wake: () => void = () => undefined;

  /** One listener for the whole body: `compression` moves those for `drain` to a stream of its own, from which none is removed. */
  constructor(response: ServerResponse) {
    this.hasLeft = response.destroyed;
    const leave = (): void => {
      this.hasLeft = true;
      this.#wake();
    };
    response.on('drain', () => this.#wake());
    response.on('close', leave);
    response.on('finish', leave);
    // Without a listener it would end the process. Nothing is lost: it is followed by `close`, or no more is taken.
    response.on('error', leave);
  }

  /** Resolves when more may be written, or nothing ever again. */
  async ready(stallMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(() => {
        this.hasLeft = true;
        resolve();
      }, stallMs).unref();
    });
    clearTimeout(timer);
  }
}
