import picomatch from 'picomatch';

/** True for texts that one of the globs matches. `*` stays within a segment of a path, `**` does not. No globs match nothing. */
export function globMatcher(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => false;
  return picomatch([...patterns], { dot: true, nonegate: true });
}
