import type { HttpScheme, RequestState } from '../request-state.js';

/** The requests of one connection that are not answered: one at a time, but for pipelined ones. */
export class Connection {
  /** As it was when the connection began: middleware sets `encrypted` of a socket behind a proxy that ends TLS. */
  readonly scheme: HttpScheme;
  #answering: RequestState | undefined = undefined;
  #waiting: Set<RequestState> | undefined = undefined;

  constructor(scheme: HttpScheme) {
    this.scheme = scheme;
  }

  add(state: RequestState): void {
    if (this.#answering === undefined) this.#answering = state;
    else (this.#waiting ??= new Set()).add(state);
  }

  remove(state: RequestState): void {
    if (this.#answering !== state) {
      this.#waiting?.delete(state);
      return;
    }
    this.#answering = undefined;
    if (this.#waiting === undefined) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#answering = next;
  }

  /** Those that are left when the connection has closed, in the order in which they came; they are forgotten here. */
  takeAll(): RequestState[] {
    const first = this.#answering;
    const all = [...(first === undefined ? [] : [first]), ...(this.#waiting ?? [])];
    this.#answering = undefined;
    this.#waiting = undefined;
    return all;
  }
}
