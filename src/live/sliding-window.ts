interface Taken<Item> {
  readonly item: Item;
  /** On a clock that nobody sets, milliseconds. */
  readonly mark: number;
}

/**
 * What was taken in the last while, as snapshots. Processes write every few seconds, so that a shorter time shows all or nothing of
 * what they count: rates are over the whole window.
 */
export class SlidingWindow<Item> {
  readonly #lengthMs: number;
  #taken: ReadonlyArray<Taken<Item>> = [];

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  /** Takes the newest one. Answers the oldest one, and how much later the newest is: 0, and the same one, before there are two. */
  add(item: Item, mark: number): { readonly before: Item; readonly seconds: number } {
    const since = mark - this.#lengthMs;
    // The newest of those that are older is kept too, so that the window is always whole.
    const first = this.#taken.findLastIndex((one) => one.mark <= since);
    this.#taken = [...this.#taken.slice(Math.max(0, first)), { item, mark }];
    const [oldest = { item, mark }] = this.#taken;
    return { before: oldest.item, seconds: (mark - oldest.mark) / 1000 };
  }
}
