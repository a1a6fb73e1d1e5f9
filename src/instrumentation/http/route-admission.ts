/** Successes after which a route is taken for real. A crawler asks once. */
const PROOF = 5;
/** Of the routes of one segment, and of those of more, so many may wait for their proof at a time. */
const MAX_UNPROVEN = 50;
/** Templates that are counted before they are admitted; those that were asked for last. */
const MAX_CANDIDATES = 1000;

export interface AdmittedRoute {
  readonly text: string;
  /** More than one segment. */
  readonly deep: boolean;
  successes: number;
  proven: boolean;
}

/**
 * Decides which templates become routes. A status is no proof: a single-page application answers every path with its
 * index.html, and whoever walks through them must not take the places of real routes.
 *
 * - Nothing is admitted before a request for it has succeeded.
 * - A new template is admitted at once as long as few others wait for their proof. A crawler uses these places up, at most
 *   half of all by default, and only for paths as deep as those that it walks.
 * - Then a template is admitted by its successes, which become dearer as places become rare: the routes that are used most
 *   get the last ones.
 */
export class RouteAdmission {
  readonly #maxRoutes: number;
  readonly #routes = new Map<string, AdmittedRoute>();
  readonly #candidates = new Map<string, number>();
  /** Routes without proof: of one segment, and of more. */
  readonly #unproven: [number, number] = [0, 0];

  constructor(maxRoutes: number) {
    this.#maxRoutes = maxRoutes;
  }

  /** Undefined for a template that is no route, or not yet. */
  find(text: string, succeeded: boolean): AdmittedRoute | undefined {
    const known = this.#routes.get(text);
    if (known !== undefined) {
      if (succeeded && !known.proven) this.prove(known);
      return known;
    }
    return succeeded && this.#isAdmitted(text) ? this.#admit(text) : undefined;
  }

  /** Counts a success of a route without proof. */
  prove(route: AdmittedRoute): void {
    route.successes++;
    if (route.successes < PROOF) return;
    route.proven = true;
    this.#unproven[route.deep ? 1 : 0]--;
  }

  #isAdmitted(text: string): boolean {
    const free = this.#maxRoutes - this.#routes.size;
    if (free <= 0) return false;
    if (this.#unproven[isDeep(text) ? 1 : 0] < MAX_UNPROVEN) return true;
    const successes = (this.#candidates.get(text) ?? 0) + 1;
    if (successes >= Math.max(PROOF, this.#maxRoutes / free)) return true;
    // Set anew, so that the first of the map is the one that was asked for longest ago.
    this.#candidates.delete(text);
    if (this.#candidates.size >= MAX_CANDIDATES) this.#forgetOldest();
    this.#candidates.set(text, successes);
    return false;
  }

  #admit(text: string): AdmittedRoute {
    const deep = isDeep(text);
    const unproven = this.#unproven[deep ? 1 : 0] < MAX_UNPROVEN;
    const route = { text, deep, successes: unproven ? 1 : PROOF, proven: !unproven };
    if (unproven) this.#unproven[deep ? 1 : 0]++;
    this.#routes.set(text, route);
    this.#candidates.delete(text);
    return route;
  }

  #forgetOldest(): void {
    const [oldest] = this.#candidates.keys();
    if (oldest !== undefined) this.#candidates.delete(oldest);
  }
}

function isDeep(text: string): boolean {
  return text.indexOf('/', 1) > 0;
}
