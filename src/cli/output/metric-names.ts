import type { Settings } from '../../config/settings.js';
import { globMatcher } from '../../glob.js';
import type { Family } from '../../model/family.js';
import type { Series } from '../../model/series.js';
import { type Label, seriesLabels } from '../../prometheus/naming/labels.js';
import { labelNamer, metricName, type Naming } from '../../prometheus/naming/names.js';

/** Names and labels as Prometheus and its dashboards have them. */
export class MetricNames {
  readonly #naming: Naming;
  readonly #labelName: (key: string) => string;

  constructor({ translationStrategy }: Pick<Settings, 'translationStrategy'>) {
    this.#naming = { strategy: translationStrategy, escaping: 'underscores' };
    this.#labelName = labelNamer(this.#naming);
  }

  metric(family: Family): string {
    return metricName(family, this.#naming)?.name ?? family.name;
  }

  /** Without those of the scope, which are the same for all series of most metrics. */
  labels(series: Series): readonly Label[] {
    return seriesLabels(series, { nameOf: this.#labelName, scopeInfo: false, resource: [] }, false);
  }

  /** `{method="GET", route="/a"}`; nothing for a series without labels. */
  labelText(series: Series): string {
    const labels = this.labels(series);
    if (labels.length === 0) return '';
    return `{${labels.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(', ')}}`;
  }

  /** Tells the families whose name, of OpenTelemetry or of Prometheus, one of the globs matches; without globs all of them. */
  matcher(globs: readonly string[]): (family: Family) => boolean {
    if (globs.length === 0) return () => true;
    const matches = globMatcher(globs);
    return (family) => matches(family.name) || matches(this.metric(family));
  }
}
