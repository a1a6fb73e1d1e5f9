import { type Warn, warning } from '../../../warnings.js';

/** Messages that are remembered in order to be said once. */
const MAX_REPORTED = 100;

/** Counts points that cannot be stored, and says each reason once. */
export class DroppedPoints {
  readonly #warn: Warn;
  readonly #reported = new Set<string>();
  #points = 0;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  add(metric: string, why: string, points: number): void {
    if (points === 0) return;
    this.#points += points;
    const [message, code] = warning('ORCHESTRATOR_POINTS_DROPPED', { metric, why });
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#warn(message, code);
  }

  /** The reason is said elsewhere. */
  count(points: number): void {
    this.#points += points;
  }

  /** Number of points since the last call. */
  take(): number {
    const points = this.#points;
    this.#points = 0;
    return points;
  }
}
