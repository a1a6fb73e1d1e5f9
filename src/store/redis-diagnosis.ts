/**
 * The commands that a process of a project sends, its scripts included. The ACL line in docs/security.md has exactly these, and
 * a test runs processes under that line.
 */
export const PROJECT_COMMANDS = [
  'eval',
  'evalsha',
  'time',
  'exists',
  'get',
  'pexpire',
  'pttl',
  'set',
  'unlink',
  'hdel',
  'hexists',
  'hget',
  'hgetall',
  'hlen',
  'hmget',
  'hscan',
  'hset',
  'zadd',
  'zrange',
  'zrem',
  'zscore',
] as const;

export type ProjectCommand = (typeof PROJECT_COMMANDS)[number];

/** What a look at a Redis shows, as a user of a project sees it. */
export interface RedisDiagnosis {
  /** Without credentials. */
  readonly description: string;
  /** The median of a few round trips, milliseconds. */
  readonly latencyMs: number;
  /** Redis' clock minus ours, milliseconds; undefined if TIME is refused. */
  readonly clockOffsetMs: number | undefined;
  /** Commands that the user may not call, of those that a process of a project needs. */
  readonly refused: readonly string[];
  /** Why a write that is allowed fails all the same: a replica, no memory left, a disk that is full. */
  readonly writeError: string | undefined;
  /** The answer of INFO by name; undefined if the user may not ask. */
  readonly info: Readonly<Record<string, string>> | undefined;
}
