/** The words for UCUM units that the OpenTelemetry "Prometheus and OpenMetrics compatibility" specification lists. */
const WORDS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tebibytes',
  kBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '%': 'percent',
  '1': '',
};

/** UCUM's periods for rates that are not in the list above; the singular of the others is their word without the `s`. */
const PER_WORDS: Readonly<Record<string, string>> = {
  wk: 'week',
  mo: 'month',
  a: 'year',
  Hz: 'hertz',
  Cel: 'celsius',
};

/**
 * The words that a unit adds to a metric name: `s` is `seconds`, `By/s` is `bytes_per_second`, `{request}` is `''`.
 * An unknown unit stays as it is, reduced to `[a-zA-Z0-9_]`. `1` gives `''`; gauges say `ratio` for it.
 */
export function unitWords(unit: string): string {
  // "Portions of the Unit within brackets (e.g. {packet}) MUST be dropped."
  const plain = unit.replaceAll(/\{[^}]*\}/g, '');
  const slash = plain.indexOf('/');
  if (slash === -1) return word(plain);
  const main = word(plain.slice(0, slash));
  const per = singular(plain.slice(slash + 1));
  if (per === '') return main;
  return main === '' ? `per_${per}` : `${main}_per_${per}`;
}

function word(code: string): string {
  const trimmed = code.trim();
  return lookup(WORDS, trimmed) ?? asWord(trimmed);
}

function singular(code: string): string {
  const trimmed = code.trim();
  return lookup(PER_WORDS, trimmed) ?? lookup(WORDS, trimmed)?.replace(/s$/, '') ?? asWord(trimmed);
}

/** Own properties only: a unit may be called `constructor`. */
function lookup(words: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(words, code) ? words[code] : undefined;
}

function asWord(code: string): string {
  return code.replaceAll(/[^a-zA-Z0-9]+/g, '_').replaceAll(/^_+|_+$/g, '');
}
