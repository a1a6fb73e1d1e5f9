import type { MetricOptions } from '@opentelemetry/api';

/** Options of one of this package's own instruments. */
export interface LabelledOptions extends MetricOptions {
  /** Keys of the attributes that it is recorded with. They say nothing to the SDK; `npm run docs` writes them into docs/metrics.md. */
  readonly labels: readonly string[];
}

/** The options, unchanged: OpenTelemetry's own type would refuse the labels. */
export function labelled(options: LabelledOptions): LabelledOptions {
  return options;
}
