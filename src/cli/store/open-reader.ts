import { sanitizePrefix } from '../../config/prefix.js';
import type { SettingName, Settings } from '../../config/settings.js';
import { shownAs } from '../../prometheus/shown-as.js';
import { storeKindOf } from '../../start/open-store.js';
import { redisTarget } from '../../start/redis-target.js';
import type { ProjectName, StoreReader } from '../../store/store-reader.js';
import { isReadable, STORE_READERS } from '../../store/store-readers.js';
import type { StoreOptions } from '../../store/stores.js';
import { warningLine } from '../../log.js';
import type { Warn } from '../../warnings.js';
import type { Call } from '../command.js';
import { CommandError } from '../exit-codes.js';

/** The settings that say where the store is; commands that read it show them in their help. */
export const STORE_SETTINGS: readonly SettingName[] = [
  'store',
  'redisUrl',
  'redisUsername',
  'redisPassword',
  'redisMode',
  'redisNodes',
  'localDir',
];

/** No step of a store may take longer. */
const MAX_STORE_TIMEOUT_MS = 5000;

/** Which store the settings mean, for commands that read it from outside. */
export function storeKind(settings: Settings): keyof typeof STORE_READERS {
  const kind = storeKindOf(settings);
  if (isReadable(kind)) return kind;
  throw new CommandError(
    'settings',
    `ORCHESTRATOR_STORE=${kind}: each process keeps its own numbers, and no other can read them. Set ORCHESTRATOR_STORE to redis or local.`,
  );
}

/** What a store needs besides its context. */
export function storeOptions(settings: Settings, warn: Warn): StoreOptions {
  return {
    directory: settings.localDir,
    redis: () => redisTarget(settings, warn),
    timeoutMs: Math.min(settings.metricExportTimeout, MAX_STORE_TIMEOUT_MS),
  };
}

/** Warnings of a command go to stderr, as those of the package do. */
export function warnOn({ terminal }: Pick<Call, 'terminal'>): Warn {
  return (...warning) => terminal.note(warningLine(...warning).trimEnd());
}

/** Opens the store of the settings for reading, without SDK, lease or write. */
export function openReader(call: Pick<Call, 'settings' | 'terminal'>): StoreReader {
  const { settings } = call;
  const warn = warnOn(call);
  const context = { ttlMs: settings.metricsTtl * 1000, shownAs: shownAs(settings), warn };
  return STORE_READERS[storeKind(settings)](context, storeOptions(settings, warn));
}

/** Opens the store, and closes it when the work is done. */
export async function withReader<T>(
  call: Pick<Call, 'settings' | 'terminal'>,
  work: (reader: StoreReader) => Promise<T>,
): Promise<T> {
  const reader = openReader(call);
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}

/** The project that the command is about: the first argument, else ORCHESTRATOR_PREFIX. */
export async function projectOf(
  { args, settings }: Pick<Call, 'args' | 'settings'>,
  reader: StoreReader,
): Promise<ProjectName> {
  const name = args[0] ?? settings.prefix;
  if (name === undefined) {
    throw new CommandError(
      'usage',
      'Which project? Name it, or set ORCHESTRATOR_PREFIX. "orchestrator projects" lists them.',
    );
  }
  const found = await reader.find(prefixOf(name));
  if (found !== undefined) return found;
  throw new CommandError('noInput', await unknownProject(name, reader));
}

/** How a name, as it was given or as it stands in keys, stands in keys. Throws a CommandError for what is no name. */
export function prefixOf(name: string): string {
  try {
    return sanitizePrefix(name);
  } catch {
    throw new CommandError(
      'usage',
      `${JSON.stringify(name)} is no name of a project: it has none of a-z, 0-9.`,
    );
  }
}

async function unknownProject(name: string, reader: StoreReader): Promise<string> {
  const unknown = `There is no project ${JSON.stringify(name)} in ${reader.description}.`;
  // The user may have no right to list them.
  const others = await reader.projects().catch(() => undefined);
  if (others === undefined) return unknown;
  if (others.length === 0) return `${unknown} It has no project at all.`;
  const names = others.slice(0, 10).map(({ prefix }) => prefix);
  const more = others.length > names.length ? ` and ${others.length - names.length} more` : '';
  return `${unknown} It has: ${names.join(', ')}${more}.`;
}
