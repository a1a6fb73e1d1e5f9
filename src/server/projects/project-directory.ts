import type { Exposition } from '../../prometheus/exposition.js';
import type { LiveProject } from '../../page/live-project.js';
import type { ProjectName, ProjectReader, StoreReader } from '../../store/store-reader.js';
import { Scraper } from '../scrape/scraper.js';

export interface ProjectDirectoryOptions {
  readonly reader: StoreReader;
  /** Tells by its prefix whether a project is served. Others are as if they did not exist. */
  readonly isAllowed: (prefix: string) => boolean;
  /** The only projects that are allowed, where they are known by name: then no list is read. */
  readonly names?: readonly string[] | undefined;
  /** How old what is known of a project may be, in milliseconds. */
  readonly maxAgeMs: number;
  /** One for each project: it keeps rendered labels. */
  readonly openExposition: () => Exposition;
}

/** A project that is served. */
export interface ServedProject extends ProjectName {
  readonly reader: ProjectReader;
  readonly scraper: Scraper;
  /** For the page, when somebody looks. */
  live: LiveProject | undefined;
}

interface Known {
  readonly served: ServedProject;
  /** When it was last found in the store, on the clock of `performance.now()`. */
  seenMark: number;
}

/**
 * The projects of a store that may be served, found anew when what is known is old: one that comes is there, and one that
 * has no data any more is gone, without a restart.
 */
export class ProjectDirectory {
  readonly #options: ProjectDirectoryOptions;
  readonly #known = new Map<string, Known>();
  #listMark = -Infinity;
  #listing: Promise<ServedProject[]> | undefined;

  constructor(options: ProjectDirectoryOptions) {
    this.#options = options;
  }

  /** All of them, by prefix. Rejects when the store cannot be read: an empty list would tell Prometheus to forget them. */
  list(): Promise<ServedProject[]> {
    if (this.#listing === undefined || performance.now() - this.#listMark > this.#options.maxAgeMs) {
      const listing = this.#list();
      this.#listing = listing;
      this.#listMark = performance.now();
      listing.catch(() => {
        if (this.#listing === listing) this.#listing = undefined;
      });
    }
    return this.#listing;
  }

  /** One of them; undefined if it does not exist, or is not allowed. */
  async find(prefix: string): Promise<ServedProject | undefined> {
    const { isAllowed, reader, maxAgeMs } = this.#options;
    if (!isAllowed(prefix)) return undefined;
    const known = this.#known.get(prefix);
    if (known !== undefined && performance.now() - known.seenMark <= maxAgeMs) return known.served;
    const name = await reader.find(prefix);
    if (name === undefined) await this.#forget(prefix);
    return name && this.#serve(name);
  }

  async #list(): Promise<ServedProject[]> {
    const { reader, isAllowed, names } = this.#options;
    const found =
      names === undefined
        ? (await reader.projects()).filter(({ prefix }) => isAllowed(prefix))
        : (await Promise.all(names.map((prefix) => reader.find(prefix)))).filter((one) => one !== undefined);
    const present = new Set(found.map(({ prefix }) => prefix));
    for (const prefix of this.#known.keys()) if (!present.has(prefix)) await this.#forget(prefix);
    return found.toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1)).map((name) => this.#serve(name));
  }

  #serve(name: ProjectName): ServedProject {
    const known = this.#known.get(name.prefix);
    if (known?.served.project === name.project) {
      known.seenMark = performance.now();
      return known.served;
    }
    // Wiped, and begun again under another name that becomes the same prefix.
    known?.served.live?.end();
    void known?.served.reader.close();
    const reader = this.#options.reader.open(name);
    const scraper = new Scraper(() => reader.snapshot(), this.#options.openExposition());
    const served: ServedProject = { ...name, reader, scraper, live: undefined };
    this.#known.set(name.prefix, { served, seenMark: performance.now() });
    return served;
  }

  async #forget(prefix: string): Promise<void> {
    const known = this.#known.get(prefix);
    this.#known.delete(prefix);
    known?.served.live?.end();
    await known?.served.reader.close();
  }
}
