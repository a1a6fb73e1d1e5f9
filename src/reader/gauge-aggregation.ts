import { globMatcher } from '../glob.js';
import { INSTANCE_AGGREGATIONS, type InstanceAggregation } from '../model/family.js';

/**
 * How the values of several processes become one answer. `shared`: all processes see the same number, so that it is shown once;
 * also for observable counters and up-down counters, which are summed otherwise.
 */
export type GaugeMode = InstanceAggregation | 'shared';
export const GAUGE_MODES: readonly GaugeMode[] = [...INSTANCE_AGGREGATIONS, 'shared'];

/** The mode of a metric by its OpenTelemetry name and the name of its meter. */
export type ModeOf = (name: string, meter: string) => GaugeMode;

/** How the gauges with these names become one answer over processes. */
export interface GaugeRule {
  /** Glob over the OpenTelemetry name of a metric. */
  readonly pattern: string;
  readonly aggregation: GaugeMode;
}

/** This package's own; they come after the user's rules. */
export const OWN_MODES: ReadonlyMap<string, GaugeMode> = new Map([
  // What a job leaves behind outlives its process.
  ['job.last_success.time', 'keep'],
  // A new series is held against the limit of the process that brings it: the lowest is reached first.
  ['orchestrator.series.limit', 'min'],
  // All processes see the same jobs of a queue.
  ['queue.jobs', 'last'],
]);

const OWN_METER = '@org/orchestrator';

/** The first rule that matches, else this package's own mode, else `instance`. */
export function gaugeAggregation(rules: readonly GaugeRule[]): ModeOf {
  const compiled = rules.map(({ pattern, aggregation }) => ({
    matches: globMatcher([pattern]),
    aggregation,
  }));
  return (name, meter) => {
    const rule = compiled.find(({ matches }) => matches(name));
    return rule?.aggregation ?? (meter === OWN_METER ? OWN_MODES.get(name) : undefined) ?? 'instance';
  };
}
