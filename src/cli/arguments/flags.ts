import type { Kind } from '../../config/setting-kinds.js';

/** A flag of one command. Its name on the command line is its key with dashes: `exitCode` is `--exit-code`. */
export interface Flag<T = unknown> {
  /** One letter: `-n`. */
  readonly short?: string;
  /** What stands for the value in the help, such as `number`. Without it the flag is a switch. */
  readonly value?: string;
  readonly kind: Kind<T>;
  readonly default: T;
  /** How the default reads in the help; default: the value itself, nothing for undefined and false. */
  readonly defaultText?: string;
  readonly description: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What the flags came to, by key. */
export type FlagValues<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends Flag<infer Value> ? Value : never;
};

/** A flag without a value: on or off. */
export function toggle(description: string, short?: string): Flag<boolean> {
  const kind: Kind<boolean> = { allowed: '', parse: () => true };
  return { kind, default: false, description, ...(short !== undefined && { short }) };
}

/** A flag with a value that may be left out. */
export function optional<T>(value: string, kind: Kind<T>, description: string): Flag<T | undefined> {
  return { value, kind, default: undefined, description };
}

/** A flag with a value and a default. */
export function valued<T>(
  value: string,
  kind: Kind<T>,
  byDefault: T,
  description: string,
  defaultText?: string,
): Flag<T> {
  return {
    value,
    kind,
    default: byDefault,
    description,
    ...(defaultText !== undefined && { defaultText }),
  };
}

/** `redisUrl` -> `redis-url` */
export function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
