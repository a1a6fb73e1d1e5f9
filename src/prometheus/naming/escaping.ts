/**
 * How names outside the legacy character set travel, as the scraper asks by `escaping=` (Prometheus documentation,
 * "UTF-8 metric and label name escaping schemes").
 */
export const ESCAPING_SCHEMES = ['underscores', 'allow-utf-8', 'dots', 'values'] as const;
export type EscapingScheme = (typeof ESCAPING_SCHEMES)[number];

export type NameKind = 'metric' | 'label';

const LEGACY: Readonly<Record<NameKind, RegExp>> = {
  metric: /^[a-zA-Z_:][a-zA-Z0-9_:]*$/,
  label: /^[a-zA-Z_][a-zA-Z0-9_]*$/,
};

/** True for a name that every Prometheus ever built can read unquoted. */
export function isLegacyName(name: string, kind: NameKind): boolean {
  return LEGACY[kind].test(name);
}

export function escapeName(name: string, scheme: EscapingScheme, kind: NameKind): string {
  if (scheme === 'allow-utf-8') return name;
  // "Existing underscores MUST be replaced with double underscores": in every name, or `a_dot_b` might have been `a.b`.
  if (scheme === 'dots')
    return escapeEach(name, kind, (character) => (character === '.' ? '_dot_' : '_'), '__');
  if (isLegacyName(name, kind)) return name;
  if (scheme === 'values') return `U__${escapeEach(name, kind, codePoint, '__')}`;
  return escapeEach(name, kind, () => '_');
}

/** By code point, not by UTF-16 unit: one emoji is one escaped character. */
function escapeEach(
  name: string,
  kind: NameKind,
  escape: (character: string) => string,
  underscore: string = '_',
): string {
  let escaped = '';
  let first = true;
  for (const character of name) {
    if (character === '_') escaped += underscore;
    // A digit is legal everywhere but at the start.
    else if (LEGACY[kind].test(first ? character : `_${character}`)) escaped += character;
    else escaped += escape(character);
    first = false;
  }
  return escaped;
}

function codePoint(character: string): string {
  return `_${(character.codePointAt(0) ?? 0xfffd).toString(16)}_`;
}
