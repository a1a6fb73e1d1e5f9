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
