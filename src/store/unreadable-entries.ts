import { createHash } from 'node:crypto';

import { type Warn, warning } from '../warnings.js';

/** Entries that are told in words; the others are only counted. */
const MAX_REPORTED = 100;

/** Entries that are remembered, in order to be counted once. */
const MAX_REMEMBERED = 10_000;

/** What is shown of a name that something else has given. */
const SHOWN_CHARACTERS = 100;

/** Counts, and says, once of each entry of a store that it cannot be read. */
export class UnreadableEntries {
  readonly #warn: Warn;
  readonly #known = new Set<string>();
  #count = 0;
  #reported = 0;

  constructor(warn: Warn) {
    this.#warn = warn;
  }

  /** How many were found so far. */
  get count(): number {
    return this.#count;
  }

  /** An entry of a hash in Redis. */
  entry(key: string, entry: string): void {
    const shown = JSON.stringify(entry.slice(0, SHOWN_CHARACTERS));
    this.#add(`${key} ${entry}`, () => warning('ORCHESTRATOR_ENTRY_UNREADABLE', { key, entry: shown }));
  }

  /** A key in Redis that is of another type. */
  key(key: string): void {
    this.#add(key, () => warning('ORCHESTRATOR_KEY_UNREADABLE', { key }));
  }

  /** A line of a file. Each is met once, and the first of each file is said. */
  line(file: string, error: unknown): void {
    this.#count += 1;
    if (this.#remember(file)) this.#say(warning('ORCHESTRATOR_RECORD_UNREADABLE', { file, error }));
  }

  #add(name: string, message: () => ReturnType<typeof warning>): void {
    if (!this.#remember(name)) return;
    this.#count += 1;
    this.#say(message());
  }

  /** False if it is known already, or there is no place to remember it. */
  #remember(name: string): boolean {
    // Something else gives the names: they may be of any length.
    const id = createHash('sha256').update(name).digest('base64');
    if (this.#known.has(id) || this.#known.size >= MAX_REMEMBERED) return false;
    this.#known.add(id);
    return true;
  }

  #say(told: ReturnType<typeof warning>): void {
    if (this.#reported >= MAX_REPORTED) return;
    this.#reported += 1;
    this.#warn(...told);
  }
}
