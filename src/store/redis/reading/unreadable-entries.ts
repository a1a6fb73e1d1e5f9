import { type Warn, warning } from '../../../warnings.js';

/** Entries that are remembered in order to be said once. */
const MAX_REPORTED = 100;

/** What is shown of a name that something else has given. */
const SHOWN_CHARACTERS = 100;

/** Says once of each entry of a key that it cannot be read. */
export class UnreadableEntries {
  readonly #warn: Warn;
  readonly #reported = new Set<string>();

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** @param entry of a hash; undefined: the key is no hash */
  add(key: string, entry?: string): void {
    const [message, code] =
      entry === undefined
        ? warning('ORCHESTRATOR_KEY_UNREADABLE', { key })
        : warning('ORCHESTRATOR_ENTRY_UNREADABLE', {
            key,
            entry: JSON.stringify(entry.slice(0, SHOWN_CHARACTERS)),
          });
    if (this.#reported.size >= MAX_REPORTED || this.#reported.has(message)) return;
    this.#reported.add(message);
    this.#warn(message, code);
  }
}
