import type * as DiagnosisModule from './redis/diagnosis.js';
import type { RedisTarget } from './redis/connection/client.js';

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

/**
 * Looks at a Redis with the commands that a process of the project `prefix` sends. One key of the project is written and taken
 * away again. Rejects with an OrchestratorError when the server cannot be reached or refuses the login.
 *
 * @param timeoutMs how long any one step may take
 */
export function diagnoseRedis(
  target: RedisTarget,
  prefix: string,
  timeoutMs: number,
): Promise<RedisDiagnosis> {
  const { diagnose } = require('./redis/diagnosis.js') as typeof DiagnosisModule;
  return diagnose(target, prefix, timeoutMs);
}
