/**
 * The few shapes that all queries have. Every selector names the scrape job, which is the project; `service_instance_id` is
 * only on gauges, because counters and histograms are sums over all processes.
 */

/** `name{job=~"$job",…}` */
export function of(name: string, ...matchers: readonly string[]): string {
  return `${name}{${['job=~"$job"', ...matchers].join(',')}}`;
}

/** The matcher of the dashboard's choice of processes. */
export const INSTANCE = 'service_instance_id=~"$instance"';

/** Additions per second. */
export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

export function sum(vector: string, ...by: readonly string[]): string {
  return aggregate('sum', vector, by);
}

export function max(vector: string, ...by: readonly string[]): string {
  return aggregate('max', vector, by);
}

function aggregate(operator: string, vector: string, by: readonly string[]): string {
  return by.length === 0 ? `${operator}(${vector})` : `${operator} by (${by.join(', ')}) (${vector})`;
}

/** A quantile of a classic histogram; `histogram` is its selector with `_bucket`. */
export function quantile(q: number, histogram: string, ...by: readonly string[]): string {
  return `histogram_quantile(${q}, ${sum(rate(histogram), ...by, 'le')})`;
}

/** The quantile of all observations within the chosen time, also where they are rare. */
export function quantileOfRange(q: number, histogram: string, ...by: readonly string[]): string {
  return `histogram_quantile(${q}, ${sum(`increase(${histogram}[$__range])`, ...by, 'le')})`;
}

/** The mean of a histogram's observations; `name` without suffix. */
export function mean(name: string, matchers: readonly string[], ...by: readonly string[]): string {
  const total = (suffix: string): string => sum(rate(of(`${name}_${suffix}`, ...matchers)), ...by);
  return `${total('sum')} / (${total('count')} > 0)`;
}

/** The mean of all observations within the chosen time. */
export function meanOfRange(name: string, matchers: readonly string[], ...by: readonly string[]): string {
  const total = (suffix: string): string =>
    sum(`increase(${of(`${name}_${suffix}`, ...matchers)}[$__range])`, ...by);
  return `${total('sum')} / (${total('count')} > 0)`;
}

/** A label's empty value given a name; it is the one that Prometheus has no label for. */
export function named(vector: string, label: string, name: string): string {
  return `label_replace(${vector}, "${label}", "${name}", "${label}", "")`;
}

/**
 * A share of a whole from 0 to 1. Zero, not nothing, as long as no series of the part exists: a project without a single
 * error has an error ratio.
 */
export function share(part: string, whole: string): string {
  return `(${part} or 0 * ${whole}) / (${whole} > 0)`;
}
