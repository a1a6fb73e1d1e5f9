import picomatch from 'picomatch';

/** A test for texts that one of the globs matches. `*` stays within a segment of a path, `**` does not. Without globs nothing matches. */
export function globMatcher(patterns: readonly string[]): (text: string) => boolean {
  if (patterns.length === 0) return () => false;
  return picomatch([...patterns], { dot: true, nonegate: true });
}
