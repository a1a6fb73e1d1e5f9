import type { Family } from '../model/family.js';
import type { Series } from '../model/series.js';
import type { ShownAs } from '../model/shown-as.js';
import { METRIC_TYPES } from './families/metric-family.js';
import { seriesLabels } from './naming/labels.js';
import { labelNamer, metricName, type Naming, type TranslationStrategy } from './naming/names.js';

export interface ShownAsOptions {
  readonly translationStrategy: TranslationStrategy;
  /** `otel_scope_*` labels on every point. */
  readonly scopeInfo: boolean;
}

/**
 * Which families and series an exposition shows as one. Names as for a scraper that knows no UTF-8: what is one in one of its
 * scrapes has to expire as one.
 */
export function shownAs({ translationStrategy, scopeInfo }: ShownAsOptions): ShownAs {
  const naming: Naming = { strategy: translationStrategy, escaping: 'underscores' };
  const rules = { nameOf: labelNamer(naming), scopeInfo, resource: [] };
  const metrics = new WeakMap<Family, string>();
  const labels = new WeakMap<Series, string>();
  return {
    metric: (family) =>
      remember(metrics, family, () => {
        const name = metricName(family, naming)?.name;
        return name === undefined ? family.key : `${METRIC_TYPES[family.type]} ${name}`;
      }),
    labels: (series) => remember(labels, series, () => JSON.stringify(seriesLabels(series, rules, false))),
  };
}

function remember<Key extends object>(texts: WeakMap<Key, string>, key: Key, make: () => string): string {
  let text = texts.get(key);
  if (text === undefined) texts.set(key, (text = make()));
  return text;
}
