/** The outcome of one attempt to write to the store. */
export interface FlushReport {
  /** How long it took. */
  readonly seconds: number;
  /** Why it failed; absent when the store has confirmed everything. */
  readonly error?: unknown;
  /** Points that a limit on series moved into the overflow series. */
  readonly overflowed: number;
  /** Points and observations that could not be kept. */
  readonly dropped: number;
  /** Label values, keys and names that were cut to the limit on their length. */
  readonly cut: number;
}
