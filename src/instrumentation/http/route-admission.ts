/** Of the routes of one segment, and of those of more, so many are admitted at once. */
const FIRST_COME = 50;
/** Successes that every other route needs. A crawler asks once. */
const PROOF = 5;
/** Templates whose successes are counted; those that were asked for last. */
const MAX_CANDIDATES = 1000;

/**
 * Decides which templates become routes. A status is no proof: a single-page application answers every path with its
 * index.html, and a crawler that walks through them must not take the places of real routes.
 *
 * - Nothing is admitted before a request for it has succeeded.
 * - The first templates are admitted at once. A crawler takes no more than these places, a quarter of all by default, and
 *   only those for paths as deep as the ones that it walks.
 * - The others are admitted by their successes, which become dearer as places become rare: the routes that are used most
 *   get the last ones.
 */
export class RouteAdmission {
  readonly #maxRoutes: number;
  readonly #routes = new Set<string>();
  readonly #candidates = new Map<string, number>();
  #firstPages = FIRST_COME;
  #firstDeep = FIRST_COME;

  constructor(maxRoutes: number) {
    this.#maxRoutes = maxRoutes;
  }

  /** Whether a template is a route, or becomes one by a request that has succeeded. */
  admits(template: string, succeeded: boolean): boolean {
    if (this.#routes.has(template)) return true;
    if (!succeeded || !this.#isAdmitted(template)) return false;
    this.#routes.add(template);
    this.#candidates.delete(template);
    return true;
  }

  #isAdmitted(template: string): boolean {
    const free = this.#maxRoutes - this.#routes.size;
    if (free <= 0) return false;
    const isDeep = template.indexOf('/', 1) > 0;
    if (isDeep ? this.#firstDeep > 0 : this.#firstPages > 0) {
      if (isDeep) this.#firstDeep--;
      else this.#firstPages--;
      return true;
    }
    return this.#count(template) >= Math.max(PROOF, this.#maxRoutes / free);
  }

  #count(template: string): number {
    const successes = (this.#candidates.get(template) ?? 0) + 1;
    // Set anew, so that the first of the map is the one that was asked for longest ago.
    this.#candidates.delete(template);
    if (this.#candidates.size >= MAX_CANDIDATES) {
      const [oldest] = this.#candidates.keys();
      if (oldest !== undefined) this.#candidates.delete(oldest);
    }
    this.#candidates.set(template, successes);
    return successes;
  }
}
