import { interceptRequests } from '../../server/intercept-requests.js';

/**
 * Holds every request that reaches the process from now on: between a signal and the end that it brings, the application
 * would not have answered any. If the end does not come, `release` hands them to the application after all.
 */
export class HeldRequests {
  readonly #held: Array<() => void> = [];
  readonly #restore: () => void;
  #released = false;

  constructor() {
    this.#restore = interceptRequests((server, request, response) => {
      if (this.#released) return false;
      this.#held.push(() => Reflect.apply(emitOf(server), server, ['request', request, response]));
      return true;
    });
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#restore();
    for (const deliver of this.#held.splice(0)) deliver();
  }
}

/** As the request would have been emitted; another patch of `emit` is part of that. */
function emitOf(server: object): (...args: unknown[]) => unknown {
  return Reflect.get(server, 'emit') as (...args: unknown[]) => unknown;
}
