/** The key scheme. The prefix is a hash tag: all keys of a project live in one slot of a Redis Cluster. */
export interface RedisKeys {
  /** hash: `name` (as given), `schema`, `epoch` (changes with every wipe), `createdMs` */
  readonly project: string;
  /** hash: family key -> JSON descriptor */
  readonly families: string;
  /** zset: lease -> end of the lease (ms) */
  readonly instances: string;
  /** string that expires: when the project was last wiped (ms) */
  readonly wiped: string;
  /** hash: `<lease>/<position>` -> a part of a batch that could not be applied while a slot was being moved; expires */
  readonly late: string;
  /** string that expires: the lease that has the lock */
  lock(name: string): string;
  /** hash: `position`, `resource`, and `<family>/<series>` -> `[recordedMs, value]`; expires */
  instance(lease: string): string;
  /** hash: series id -> packed little-endian doubles `[updatedMs, startMs, …values]`; only the first two for current values */
  values(family: string): string;
  /** hash: series id -> JSON of scope and attributes; has exactly the fields of `values` */
  labels(family: string): string;
}

/** zset of all projects on a server: prefix -> until when its data last at most (ms). For discovery; an ACL may forbid it. */
export const PROJECTS_KEY = 'orchestrator:projects';

export function redisKeys(prefix: string): RedisKeys {
  const base = `orchestrator:{${prefix}}:`;
  return {
    project: `${base}project`,
    families: `${base}families`,
    instances: `${base}instances`,
    wiped: `${base}wiped`,
    late: `${base}late`,
    lock: (name) => `${base}hold:${name}`,
    instance: (lease) => `${base}instance:${lease}`,
    values: (family) => `${base}values:${family}`,
    labels: (family) => `${base}labels:${family}`,
  };
}
