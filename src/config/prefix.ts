import { orchestratorError } from '../errors.js';

const MAX_LENGTH = 128;

/**
 * A project's name as a part of keys: lower case, `[a-z0-9_-]`, at most 128 characters. Throws ORCHESTRATOR_INVALID_SETTING
 * when no letter and no digit is left.
 */
export function sanitizePrefix(name: string): string {
  const prefix = name
    .trim()
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, '_')
    .slice(0, MAX_LENGTH);
  if (!/[a-z0-9]/.test(prefix)) {
    throw orchestratorError('ORCHESTRATOR_INVALID_SETTING', 'prefix', { value: JSON.stringify(name) });
  }
  return prefix;
}
