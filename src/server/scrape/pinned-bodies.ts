import type { SharedBody } from './shared-body.js';

/** Bytes of bodies whose readers are slower than the next scrape. */
const MAX_PINNED_BYTES = 64 * 1024 * 1024;

/** Kept however large they are: a scraper that is in time may be as many scrapes behind. */
const SPARED = 4;

interface Pinned {
  readonly body: SharedBody;
  /** End the connections of those who read it. */
  readonly readers: Set<() => void>;
}

/**
 * Bounds the memory that readers can hold by being slow, however many they are: a body is kept for as long as someone reads it,
 * and when such bodies together are too large, the readers of the oldest ones are ended.
 */
export class PinnedBodies {
  readonly #maxBytes: number;
  /** Oldest first. */
  #pinned: Pinned[] = [];

  constructor(maxBytes: number = MAX_PINNED_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** @param end ends the connection of the reader. Returns a function to be called when it has read the body. */
  add(body: SharedBody, end: () => void): () => void {
    let pinned = this.#pinned.find((one) => one.body === body);
    if (pinned === undefined) {
      pinned = { body, readers: new Set() };
      this.#pinned.push(pinned);
      this.#bound();
    }
    const { readers } = pinned;
    readers.add(end);
    return () => {
      readers.delete(end);
      if (readers.size === 0) this.#pinned = this.#pinned.filter((one) => one.body !== body);
    };
  }

  #bound(): void {
    let bytes = 0;
    for (const { body } of this.#pinned) bytes += body.bytes;
    while (bytes > this.#maxBytes && this.#pinned.length > SPARED) {
      const [oldest] = this.#pinned.splice(0, 1);
      if (oldest === undefined) return;
      bytes -= oldest.body.bytes;
      oldest.body.drop();
      for (const end of oldest.readers) end();
    }
  }
}
