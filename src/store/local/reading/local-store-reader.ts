import { readdir } from 'node:fs/promises';

import { OrchestratorError, orchestratorError } from '../../../errors.js';
import type { ProjectName, ProjectReader, StoreReader, StoreReaderContext } from '../../store-reader.js';
import { defaultLocalDirectory, localFolderToRead } from '../folder.js';
import { isGone } from '../generations.js';
import { LocalProjectReader } from './local-project-reader.js';

/**
 * Reads all projects of one local store. It creates, changes and deletes no file.
 *
 * @param directory has one folder for each project; default: a folder of this user in the system's folder for temporary files
 */
export function createLocalStoreReader(
  context: StoreReaderContext,
  directory: string | undefined,
): StoreReader {
  return new LocalStoreReader(context, directory);
}

class LocalStoreReader implements StoreReader {
  readonly description: string;
  readonly #context: StoreReaderContext;
  readonly #directory: string | undefined;
  /** By prefix: what was read once is not read again. */
  readonly #projects = new Map<string, LocalProjectReader>();
  /** Folders of which was said that they cannot be read. */
  readonly #told = new Set<string>();

  constructor(context: StoreReaderContext, directory: string | undefined) {
    this.#context = context;
    this.#directory = directory;
    this.description = `local ${directory ?? defaultLocalDirectory()}`;
  }

  async projects(): Promise<ProjectName[]> {
    const found: ProjectName[] = [];
    for (const prefix of await this.#prefixes()) {
      const one = await this.#findOrTell(prefix);
      if (one !== undefined) found.push(one);
    }
    return found;
  }

  /** One folder that cannot be read costs itself, and is said once. */
  async #findOrTell(prefix: string): Promise<ProjectName | undefined> {
    try {
      return await this.find(prefix);
    } catch (error) {
      if (!(error instanceof OrchestratorError)) throw error;
      if (!this.#told.has(prefix)) this.#context.warn(error.message);
      this.#told.add(prefix);
      return undefined;
    }
  }

  async find(prefix: string): Promise<ProjectName | undefined> {
    const reader = this.#reader(prefix);
    const project = await reader?.name();
    return project === undefined ? undefined : { prefix, project };
  }

  open({ prefix }: ProjectName): ProjectReader {
    const reader = this.#reader(prefix);
    if (reader !== undefined) return reader;
    const values = { store: this.description, error: `the project "${prefix}" is gone` };
    throw orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', 'local', values);
  }

  async close(): Promise<void> {
    for (const reader of this.#projects.values()) await reader.close();
    this.#projects.clear();
  }

  #reader(prefix: string): LocalProjectReader | undefined {
    const known = this.#projects.get(prefix);
    if (known !== undefined) return known;
    const folder = localFolderToRead(this.#directory, prefix);
    if (folder === undefined) return undefined;
    const reader = new LocalProjectReader(this.#context, prefix, folder, () => this.#projects.delete(prefix));
    this.#projects.set(prefix, reader);
    return reader;
  }

  /** The folders; links and what else is there are no projects. */
  async #prefixes(): Promise<string[]> {
    try {
      const entries = await readdir(this.#directory ?? defaultLocalDirectory(), { withFileTypes: true });
      return entries
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .toSorted();
    } catch (error) {
      if (isGone(error)) return [];
      if (error instanceof OrchestratorError) throw error;
      const folder = this.#directory ?? defaultLocalDirectory();
      const options = { cause: error };
      throw orchestratorError('ORCHESTRATOR_STORE_REFUSED', 'unusableFolder', { folder, error }, options);
    }
  }
}
