import { orchestratorError } from '../../../errors.js';
import { SCHEMA_VERSION } from '../../metric-store.js';

/** Whether this can be the schema version of any version of this package. */
export function isSchema(version: unknown): version is number {
  return Number.isInteger(version) && Number(version) > 0 && Number(version) < 1000;
}

/** Throws `ORCHESTRATOR_SCHEMA_MISMATCH`. */
export function assertSchema(version: number): void {
  if (version === SCHEMA_VERSION) return;
  const values = { found: version, expected: SCHEMA_VERSION };
  throw orchestratorError('ORCHESTRATOR_SCHEMA_MISMATCH', 'local', values);
}
