import type * as DiagnosisModule from './redis/diagnosis.js';
import type { RedisDiagnosis } from './redis-diagnosis.js';
import type { RedisTarget } from './redis/connection/client.js';

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
