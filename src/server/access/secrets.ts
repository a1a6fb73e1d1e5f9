import { type Warn, warning } from '../../warnings.js';
import { WatchedFile } from './watched-file.js';

/** Where secrets come from: a setting and a file, both or one or none. */
export interface SecretSource {
  /** The variables, for messages. */
  readonly setting: string;
  readonly fileSetting: string;
  readonly given: readonly string[];
  readonly file: string | undefined;
  /** What a usable entry is; others let nobody in. */
  readonly isUsable: (entry: string) => boolean;
  /** In words. */
  readonly usable: string;
}

/** Secrets of a setting and of a file that is read again when it changes. */
export class Secrets {
  /** True if anything was set, usable or not: what was set wrongly must not open what it was to close. */
  readonly isSet: boolean;
  readonly #given: readonly string[];
  readonly #file: WatchedFile<readonly string[]> | undefined;
  #ofFile: readonly string[] | undefined;
  #all: readonly string[];

  constructor(source: SecretSource, warn: Warn) {
    const { setting, fileSetting, given, file } = source;
    this.isSet = given.length > 0 || file !== undefined;
    this.#given = usableOf(given, setting, source, warn);
    this.#all = this.#given;
    if (file === undefined) return;
    this.#file = new WatchedFile({
      setting: fileSetting,
      path: file,
      parse: (text) => usableOf(linesOf(text), fileSetting, source, warn),
      failed: (error) =>
        warn(...warning('ORCHESTRATOR_FILE_UNUSABLE', { setting: fileSetting, file, error })),
    });
  }

  /** The same array as long as nothing has changed. */
  async current(): Promise<readonly string[]> {
    const ofFile = await this.#file?.current();
    if (ofFile !== this.#ofFile) {
      this.#ofFile = ofFile;
      this.#all = [...this.#given, ...(ofFile ?? [])];
    }
    return this.#all;
  }
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

function usableOf(
  entries: readonly string[],
  setting: string,
  { isUsable, usable }: SecretSource,
  warn: Warn,
): readonly string[] {
  const unusable = entries.filter((entry) => !isUsable(entry)).length;
  if (unusable > 0)
    warn(...warning('ORCHESTRATOR_CREDENTIALS_UNUSABLE', { setting, entries: unusable, usable }));
  return entries.filter(isUsable);
}
