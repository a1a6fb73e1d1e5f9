import { globMatcher } from '../glob.js';
import type { InstanceAggregation } from '../model/family.js';

/** How the gauges with these names become one answer over processes. */
export interface GaugeRule {
  /** Glob over the OpenTelemetry name of a metric. */
  readonly pattern: string;
  readonly aggregation: InstanceAggregation;
}

/** They come after the user's rules. */
export const BUILT_IN_RULES: readonly GaugeRule[] = [
  // What a job leaves behind outlives its process.
  { pattern: 'job.last_success.time', aggregation: 'keep' },
  // A new series is held against the limit of the process that brings it: the lowest is reached first.
  { pattern: 'orchestrator.series.limit', aggregation: 'min' },
  // All processes see the same jobs of a queue.
  { pattern: 'queue.jobs', aggregation: 'last' },
];

/** The mode of a gauge by its OpenTelemetry name: the first rule that matches, else `instance`. */
export function gaugeAggregation(rules: readonly GaugeRule[]): (name: string) => InstanceAggregation {
  const compiled = [...rules, ...BUILT_IN_RULES].map(({ pattern, aggregation }) => ({
    matches: globMatcher([pattern]),
    aggregation,
  }));
  return (name) => compiled.find(({ matches }) => matches(name))?.aggregation ?? 'instance';
}
