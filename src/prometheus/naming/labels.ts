import type { Attributes, Scope, Series } from '../../model/series.js';

/** A label as it is exposed: final name, unescaped value; sorted by name, no name twice, no empty value. */
export type Label = readonly [name: string, value: string];

export interface LabelRules {
  /** The label name for an attribute key. */
  readonly nameOf: (key: string) => string;
  /** `scope_info_enabled` of the specification. */
  readonly scopeInfo: boolean;
  /** Resource attributes that are copied onto every point. */
  readonly resource: Attributes;
}

interface Source {
  /** Decides the order in which colliding values are joined. */
  readonly key: string;
  readonly name: string;
  readonly value: string;
}

/** The label of a classic bucket; an attribute of this name would make two labels of one name, and the scrape fail. */
const BUCKET_LABEL = 'le';
const RENAMED_BUCKET_LABEL = 'exported_le';

/** All labels of a series. `histogram` reserves `le`. */
export function seriesLabels(series: Series, rules: LabelRules, histogram: boolean): readonly Label[] {
  const sources: Source[] = [];
  addAttributes(sources, series.attributes, rules.nameOf, histogram);
  if (rules.scopeInfo) addScope(sources, series.scope, rules.nameOf);
  // An attribute of the point itself (`service.instance.id`) wins over the resource's.
  const copied = rules.resource.filter(([key]) => !series.attributes.some(([own]) => own === key));
  addAttributes(sources, copied, rules.nameOf, histogram);
  return resolve(sources);
}

/** True if the labels of a series differ on a histogram. */
export function usesBucketLabel(series: Series, { nameOf, resource }: LabelRules): boolean {
  const reserved = ([key]: readonly [string, string]): boolean => nameOf(key) === BUCKET_LABEL;
  return series.attributes.some(reserved) || resource.some(reserved);
}

/** The labels of `target_info`: "MUST include the resource attributes, and MUST NOT include any other labels". */
export function attributeLabels(attributes: Attributes, nameOf: LabelRules['nameOf']): readonly Label[] {
  const sources: Source[] = [];
  addAttributes(sources, attributes, nameOf, false);
  return resolve(sources);
}

function addAttributes(
  sources: Source[],
  attributes: Attributes,
  nameOf: LabelRules['nameOf'],
  histogram: boolean,
): void {
  for (const [key, value] of attributes) {
    const name = nameOf(key);
    sources.push({ key, name: histogram && name === BUCKET_LABEL ? RENAMED_BUCKET_LABEL : name, value });
  }
}

/**
 * "The scope name as the `otel_scope_name` label, the scope version …, the scope schema URL …, the scope attributes as
 * labels with `otel_scope_` prefix"; those that "would conflict with" the three "MUST be dropped".
 */
function addScope(sources: Source[], scope: Scope, nameOf: LabelRules['nameOf']): void {
  const own: ReadonlyArray<readonly [string, string | undefined]> = [
    ['otel_scope_name', scope.name],
    ['otel_scope_version', scope.version],
    ['otel_scope_schema_url', scope.schemaUrl],
  ];
  for (const [key, value] of own) {
    if (value !== undefined) sources.push({ key, name: nameOf(key), value });
  }
  for (const [attribute, value] of scope.attributes ?? []) {
    const key = `otel_scope_${attribute}`;
    const name = nameOf(key);
    if (!own.some(([reserved]) => nameOf(reserved) === name)) sources.push({ key, name, value });
  }
}

/**
 * Where keys become the same, "the values MUST be concatenated together, separated by `;`, and ordered by the
 * lexicographical order of the original keys". A label with an empty value is no label: Prometheus drops it, so that
 * `{a=""}` and `{}` would be one series twice.
 */
function resolve(sources: Source[]): readonly Label[] {
  sources.sort((a, b) => compare(a.key, b.key));
  const values = new Map<string, string>();
  for (const { name, value } of sources) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before};${value}`);
  }
  const labels: Label[] = [];
  for (const label of values) if (label[1] !== '') labels.push(label);
  return labels.toSorted((a, b) => compare(a[0], b[0]));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
