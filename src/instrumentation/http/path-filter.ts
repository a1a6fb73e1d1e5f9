import { globMatcher } from '../../glob.js';

/**
 * A test for paths that are not measured. `globs` as `/healthz` or `/internal/**`; most are plain paths, which cost one
 * look-up per request and not a regular expression.
 */
export function createPathFilter(globs: readonly string[]): (path: string) => boolean {
  const plain = new Set(globs.filter((glob) => !/[*?[\]{}()!+@]/.test(glob)));
  const patterns = globs.filter((glob) => !plain.has(glob));
  if (patterns.length === 0) return (path) => plain.has(path);
  const matches = globMatcher(patterns);
  return (path) => plain.has(path) || matches(path);
}
