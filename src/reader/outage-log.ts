import { OrchestratorError } from '../errors.js';
import { type Warn, warning } from '../warnings.js';

/** Whether the store answers: one line for each change, however long an outage lasts. */
export class OutageLog {
  readonly #store: string;
  readonly #warn: Warn;
  #error: unknown;

  /** @param store its description */
  constructor(store: string, warn: Warn) {
    this.#store = store;
    this.#warn = warn;
  }

  /** Why the last attempt failed; undefined while the store answers. */
  get error(): unknown {
    return this.#error;
  }

  /** The outcome of an attempt. @param error undefined: it succeeded */
  note(error: unknown): void {
    const before = this.#error;
    this.#error = error;
    if (error !== undefined && (before === undefined || codeOf(before) !== codeOf(error))) {
      this.#warn(...warning('ORCHESTRATOR_METRICS_WAIT', { error }));
    } else if (error === undefined && before !== undefined) {
      this.#warn(...warning('ORCHESTRATOR_METRICS_SENT', { store: this.#store }));
    }
  }
}

function codeOf(error: unknown): string {
  return error instanceof OrchestratorError ? error.code : '';
}
