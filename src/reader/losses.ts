import { shorten } from '../model/shorten.js';
import { type Warn, warning } from '../warnings.js';

/** What could not be kept apart, kept whole, or kept at all. */
export interface Losses {
  /** Points that a limit on series moved into the overflow series. */
  readonly overflowed: number;
  /** Points and observations that were dropped. */
  readonly dropped: number;
  /** Names, keys and values that were cut to the limit on their length. */
  readonly cut: number;
}

/** Messages that are remembered in order to be said once. */
const MAX_REPORTED = 100;

/** Counts what is lost, and says each kind of loss once. */
export class LossCounter {
  readonly #warn: Warn;
  readonly #reported = new Set<string>();
  #overflowed = 0;
  #dropped = 0;
  #cut = 0;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** One point went into the overflow series. */
  overflow(): void {
    this.#overflowed += 1;
  }

  /** One point or observation of `metric` is not counted. */
  drop(metric: string, why: string): void {
    this.#dropped += 1;
    this.#once(...warning('ORCHESTRATOR_POINTS_DROPPED', { metric: inLine(metric), why }));
  }

  /** One text of `metric` was too long. @param key of the attribute whose value it is; undefined for other texts */
  cut(metric: string, key: string | undefined): void {
    this.#cut += 1;
    const what = key === undefined ? 'a name' : `the attribute ${inLine(key)}`;
    this.#once(...warning('ORCHESTRATOR_LABELS_CUT', { metric: inLine(metric), what }));
  }

  /** What is given as the boundaries of `metric` had to be mended. */
  mended(metric: string, given: readonly unknown[], used: readonly number[]): void {
    const lists = { given: inLine(given.map(shown).join(', ')), used: inLine(used.join(', ')) };
    this.#once(...warning('ORCHESTRATOR_BOUNDARIES_MENDED', { metric: inLine(metric), ...lists }));
  }

  /** What was lost since the last call. */
  take(): Losses {
    const losses = { overflowed: this.#overflowed, dropped: this.#dropped, cut: this.#cut };
    this.#overflowed = 0;
    this.#dropped = 0;
    this.#cut = 0;
    return losses;
  }

  #once(...[message, code]: Parameters<Warn>): void {
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#warn(message, code);
  }
}

function shown(bound: unknown): string {
  return typeof bound === 'string' ? JSON.stringify(bound) : String(bound);
}

/** A line of the log is read by people. */
function inLine(text: string): string {
  return shorten(text, 200);
}
