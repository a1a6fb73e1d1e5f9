import { integer, type Kind } from './setting-kinds.js';
import { SETTINGS, type ReplicaSetting, type Setting, type Settings } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable with a value that is not allowed. The service does not start with it. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/**
 * All settings from environment variables. An empty variable is one that is not set.
 *
 * @throws SettingError that names the variable, its value unless it is secret, and what is allowed
 */
export function readSettings(environment: Environment): Settings {
  const entries = Object.entries(SETTINGS).map(([name, setting]) => [
    name,
    read(environment, setting as Setting<unknown>),
  ]);
  const settings = {
    ...(Object.fromEntries(entries) as Omit<Settings, 'replicas'>),
    replicas: readReplicas(environment),
  };
  if (settings.dbMaxIdle > settings.dbMaxOpen)
    throw new SettingError(
      `DB_MAX_IDLE_CONNS is ${settings.dbMaxIdle}: at most DB_MAX_OPEN_CONNS, ${settings.dbMaxOpen}`,
    );
  if (settings.redisMinIdle > settings.redisPoolSize)
    throw new SettingError(
      `REDIS_MIN_IDLE_CONNS is ${settings.redisMinIdle}: at most REDIS_POOL_SIZE, ${settings.redisPoolSize}`,
    );
  return settings;
}

function read(environment: Environment, { variable, kind, fallback, secret }: Setting<unknown>): unknown {
  return parse(environment, variable, kind, fallback, secret);
}

function parse<Value>(
  environment: Environment,
  variable: string,
  kind: Kind<Value>,
  fallback: Value,
  secret?: true,
): Value {
  const value = environment[variable]?.trim() ?? '';
  if (value === '') return fallback;
  const parsed = kind.parse(value);
  if (parsed === undefined)
    throw new SettingError(
      `${variable} is ${secret ? 'a secret' : JSON.stringify(value)}: allowed is ${kind.allowed}`,
    );
  return parsed;
}

function readReplicas(environment: Environment): ReplicaSetting[] {
  const replicas: ReplicaSetting[] = [];
  for (let n = 1; ; n++) {
    const host = environment[`DB_READ_HOST_${n}`]?.trim() ?? '';
    if (host === '') {
      assertNoGap(environment, n);
      return replicas;
    }
    replicas.push({
      host,
      port: parse(environment, `DB_READ_PORT_${n}`, integer(1, 65_535), 5432),
      weight: parse(environment, `DB_READ_WEIGHT_${n}`, integer(0, 1000), 1),
    });
  }
}

/** A replica behind a gap would silently get no reads. */
function assertNoGap(environment: Environment, n: number): void {
  const stray = Object.keys(environment).find(
    (name) =>
      Number(/^DB_READ_(?:HOST|PORT|WEIGHT)_(\d+)$/.exec(name)?.[1] ?? 0) >= n && environment[name] !== '',
  );
  if (stray !== undefined) throw new SettingError(`${stray} is set, but DB_READ_HOST_${n} is not`);
}
