/**
 * Smooth weighted round robin, as nginx has it: with weights 3 and 1 the order is a a b a, not a a a b. Each turn adds its
 * weight to every candidate's credit; the highest credit is chosen and pays the sum of all weights.
 */
export class WeightedRoundRobin<Candidate> {
  readonly #weightOf: (candidate: Candidate) => number;
  readonly #credits = new Map<Candidate, number>();

  constructor(weightOf: (candidate: Candidate) => number) {
    this.#weightOf = weightOf;
  }

  /** The next of those that can be chosen now; undefined if there are none. A weight of 0 is chosen only among others of 0. */
  next(candidates: readonly Candidate[]): Candidate | undefined {
    let chosen: Candidate | undefined;
    let highest = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (const candidate of candidates) {
      const weight = this.#weightOf(candidate);
      const credit = (this.#credits.get(candidate) ?? 0) + weight;
      this.#credits.set(candidate, credit);
      sum += weight;
      if (weight > 0 && credit > highest) {
        highest = credit;
        chosen = candidate;
      }
    }
    chosen ??= candidates[0];
    if (chosen !== undefined) this.#credits.set(chosen, (this.#credits.get(chosen) ?? 0) - sum);
    return chosen;
  }
}
