import { type Warn, warning } from '../warnings.js';

/** What could not be kept apart, or not be kept at all. */
export interface Losses {
  /** Points that a limit on series moved into the overflow series. */
  readonly overflowed: number;
  /** Points that were dropped. */
  readonly dropped: number;
}

/** Messages that are remembered in order to be said once. */
const MAX_REPORTED = 100;

/** Counts what is lost, and says each kind of loss once. */
export class LossCounter {
  readonly #warn: Warn;
  readonly #reported = new Set<string>();
  #overflowed = 0;
  #dropped = 0;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  overflow(): void {
    this.#overflowed += 1;
  }

  drop(metric: string, why: string): void {
    this.#dropped += 1;
    const [message, code] = warning('ORCHESTRATOR_POINTS_DROPPED', { metric, why });
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#warn(message, code);
  }

  /** What was lost since the last call. */
  take(): Losses {
    const losses = { overflowed: this.#overflowed, dropped: this.#dropped };
    this.#overflowed = 0;
    this.#dropped = 0;
    return losses;
  }
}
