import { setTimeout as sleep } from 'node:timers/promises';

import type { QueueDepth } from '../broker/queue-depth.js';
import type { ItemCounts } from '../database/work-items.js';
import type { Log } from '../log/log.js';

/** So many looks in a row must find nothing. */
const EMPTY_LOOKS = 2;
/**
 * An idle broker and unfinished items, none of which was finished meanwhile, for so long: the broker has lost them. Longer than
 * the management API's numbers are old.
 */
const LOST_AFTER_MS = 30_000;

export interface Progress {
  readonly queue: string;
  readonly depth: QueueDepth;
  readonly items: ItemCounts;
}

export interface WaitOptions {
  readonly queue: string;
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** What the broker says now. */
  readonly depth: () => Promise<QueueDepth>;
  /** What became of the items that the run has put into the queue. */
  readonly items: () => Promise<ItemCounts>;
  /** Puts unfinished items into the queue once more. */
  readonly sendAgain: () => Promise<void>;
  readonly progress: (progress: Progress) => void;
  /** Milliseconds without any progress after which an idle broker is taken to have lost messages. Default 30000. */
  readonly lostAfterMs?: number;
}

/**
 * Resolves when a queue is empty: no message ready, none unacknowledged, and no item unfinished, twice in a row. None of the
 * three is enough. Ready messages alone overlook those that a worker has in hand. Unacknowledged ones are numbers of up to 5 s
 * ago. Unfinished items know nothing of other systems' messages. An answer that does not come is no answer: never zero.
 */
export async function waitUntilEmpty(options: WaitOptions): Promise<void> {
  const { interval, log, queue, signal } = options;
  const lost = new LostMessages(options.lostAfterMs ?? LOST_AFTER_MS);
  let empty = 0;
  for (;;) {
    signal.throwIfAborted();
    const seen = await look(options);
    if (seen === undefined) empty = 0;
    else {
      empty = isEmpty(seen) ? empty + 1 : 0;
      if (empty === EMPTY_LOOKS) return;
      if (lost.after(seen)) {
        log.warn({ queue, items: seen.items.queued }, 'the broker has lost messages: they are sent again');
        await options.sendAgain();
      }
    }
    await sleep(interval, undefined, { signal });
  }
}

async function look({ depth, items, log, progress, queue }: WaitOptions): Promise<Progress | undefined> {
  try {
    const seen = { queue, depth: await depth(), items: await items() };
    const { ready, unacknowledged, consumers } = seen.depth;
    log.info({ queue, ready, unacknowledged, consumers, ...seen.items }, 'queue');
    if (consumers === 0 && !isEmpty(seen)) log.warn({ queue }, 'no worker takes messages from this queue');
    progress(seen);
    return seen;
  } catch (error) {
    log.warn({ queue, reason: String(error) }, 'the queue could not be looked at');
    return undefined;
  }
}

function isEmpty({ depth, items }: Progress): boolean {
  return depth.ready === 0 && (depth.unacknowledged ?? 0) === 0 && items.queued === 0;
}

/** A broker that was purged, or lost its disk, has nothing to deliver though items are unfinished. */
class LostMessages {
  readonly #afterMs: number;
  #idleSinceMark: number | undefined;
  #queued = -1;

  constructor(afterMs: number) {
    this.#afterMs = afterMs;
  }

  after({ depth, items }: Progress): boolean {
    const idle = depth.ready === 0 && (depth.unacknowledged ?? 0) === 0 && items.queued > 0;
    const still = idle && items.queued === this.#queued;
    this.#queued = items.queued;
    if (!still) this.#idleSinceMark = undefined;
    if (!idle) return false;
    this.#idleSinceMark ??= performance.now();
    if (performance.now() - this.#idleSinceMark < this.#afterMs) return false;
    this.#idleSinceMark = undefined;
    return true;
  }
}
