import type { FamilyType } from '../../model/family.js';
import { type EscapingScheme, escapeName } from './escaping.js';
import { unitWords } from './units.js';

/** `translation_strategy` of the specification "Metrics exporter: Prometheus"; the first is the default. */
export const TRANSLATION_STRATEGIES = [
  'UnderscoreEscapingWithSuffixes',
  'UnderscoreEscapingWithoutSuffixes',
  'NoUTF8EscapingWithSuffixes',
  'NoTranslation',
] as const;
export type TranslationStrategy = (typeof TRANSLATION_STRATEGIES)[number];

/** The rules for every name of one scrape. "First, `translation_strategy` MUST be applied", then the negotiated escaping. */
export interface Naming {
  readonly strategy: TranslationStrategy;
  readonly escaping: EscapingScheme;
}

/** The parts of a family on which its name depends. */
export interface NamedFamily {
  readonly name: string;
  readonly type: FamilyType;
  readonly unit: string;
}

export interface MetricName {
  /** As it appears in the exposition; `_total` included. */
  readonly name: string;
  /** The words of the unit, if the name (without `_total`) ends with them; else `''`. For `# UNIT`. */
  readonly unit: string;
}

const TOTAL = '_total';
const REMEMBERED_KEYS = 1000;

/**
 * The Prometheus name of a family, or undefined if none can be made: every name without a letter or digit would be
 * the same `_`.
 */
export function metricName(family: NamedFamily, naming: Naming): MetricName | undefined {
  const translated = translatesCharacters(naming.strategy) ? sanitize(family.name, METRIC_NAME) : family.name;
  if (/^_*$/.test(translated)) return undefined;
  const words = familyUnit(family);
  const name = addsSuffixes(naming.strategy) ? withSuffixes(translated, family.type, words) : translated;
  const escaped = escapeName(name, naming.escaping, 'metric');
  const base = family.type === 'counter' ? withoutTotal(escaped) : escaped;
  return { name: escaped, unit: words !== '' && base.endsWith(`_${words}`) ? words : '' };
}

/** The name of a counter's family in OpenMetrics: "Sample MetricName MUST have the suffix `_total`", the family's has not. */
export function withoutTotal(name: string): string {
  return name.endsWith(TOTAL) ? name.slice(0, -TOTAL.length) : name;
}

/**
 * The label name for an attribute key; never reserved: a label that starts with two underscores is Prometheus' own, and
 * `__name__` costs the whole scrape.
 */
export function labelName(key: string, naming: Naming): string {
  const translated = translatesCharacters(naming.strategy) ? sanitize(key, LABEL_NAME) : key;
  const name = escapeName(translated === '' ? '_' : translated, naming.escaping, 'label');
  return name.replace(/^__+/, '_');
}

/** As {@link labelName}, remembered: an application has few keys and many series. */
export function labelNamer(naming: Naming): (key: string) => string {
  const names = new Map<string, string>();
  return (key) => {
    let name = names.get(key);
    if (name === undefined) {
      name = labelName(key, naming);
      if (names.size < REMEMBERED_KEYS) names.set(key, name);
    }
    return name;
  };
}

function translatesCharacters(strategy: TranslationStrategy): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'UnderscoreEscapingWithoutSuffixes';
}

function addsSuffixes(strategy: TranslationStrategy): boolean {
  return strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'NoUTF8EscapingWithSuffixes';
}

const METRIC_NAME = /[^a-zA-Z0-9_:]/g;
const LABEL_NAME = /[^a-zA-Z0-9_]/g;

/** "Discouraged characters SHOULD be replaced with the `_` character. Multiple consecutive `_` … with a single `_`." */
function sanitize(text: string, outside: RegExp): string {
  const name = text.replaceAll(outside, '_').replaceAll(/_{2,}/g, '_');
  return /^[0-9]/.test(name) ? `_${name}` : name;
}

function familyUnit({ unit, type }: NamedFamily): string {
  // As the Collector and Prometheus' OTLP receiver do; the specification has no word for `1`.
  return unit === '1' && type === 'gauge' ? 'ratio' : unitWords(unit);
}

/** "The unit suffix comes before any type-specific suffixes", "unless the metric name already ends with the unit". */
function withSuffixes(translated: string, type: FamilyType, words: string): string {
  const counter = type === 'counter';
  let name = counter ? withoutTotal(translated) : translated;
  if (words !== '' && !endsWithWords(name, words)) name = join(name, words);
  return counter ? join(name, 'total') : name;
}

function endsWithWords(name: string, words: string): boolean {
  return name.endsWith(words) && !/[a-zA-Z0-9]$/.test(name.slice(0, -words.length));
}

function join(name: string, suffix: string): string {
  return name.endsWith('_') ? `${name}${suffix}` : `${name}_${suffix}`;
}
