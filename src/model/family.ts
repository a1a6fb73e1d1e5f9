import { digest } from './digest.js';

/** How the values of a metric are summed, in OpenTelemetry's words. */
export type FamilyType = 'counter' | 'updowncounter' | 'gauge' | 'histogram' | 'exponentialhistogram';

/** Every {@link InstanceAggregation}. */
export const INSTANCE_AGGREGATIONS = ['instance', 'sum', 'min', 'max', 'avg', 'last', 'keep'] as const;
/** How the current values of several instances become one. `keep`: the last value, which outlives its process. */
export type InstanceAggregation = (typeof INSTANCE_AGGREGATIONS)[number];

/**
 * Whether a gauge's value may be combined with those of other processes in this way. One that is no number would be the answer for
 * all of them; where they are kept apart, it is what the process says.
 */
export function mayCombine(aggregation: string, value: number): boolean {
  if (Number.isFinite(value)) return true;
  if (aggregation === 'sum' || aggregation === 'avg') return false;
  return !Number.isNaN(value) || (aggregation !== 'min' && aggregation !== 'max');
}

/** One metric. Two families are the same if and only if their `key` is the same. */
export interface Family {
  /** Identifies name, type, unit, boundaries, and whether values are kept; safe as a part of a Redis key. Made by `familyKey`. */
  readonly key: string;
  /** The OpenTelemetry name, unescaped: `http.server.request.duration`. */
  readonly name: string;
  readonly type: FamilyType;
  /** UCUM, `''` if none. */
  readonly unit: string;
  readonly help: string;
  /** Upper bounds of the buckets of a histogram, ascending, without infinity. */
  readonly boundaries?: readonly number[];
  /** Set on families that are reported in `current`; absent on families that are reported in `deltas`. */
  readonly aggregation?: InstanceAggregation;
}

/**
 * A readable name, and a hash of everything in which two families can differ. Values that are kept are apart from those that
 * live with their instance: while two versions of an application run that give a gauge different modes, each has its own.
 */
export function familyKey(
  family: Pick<Family, 'name' | 'type' | 'unit' | 'boundaries' | 'aggregation'>,
): string {
  const { name, type, unit, boundaries = [], aggregation } = family;
  const identity = JSON.stringify([
    name,
    type,
    unit,
    boundaries,
    ...(aggregation === 'keep' ? ['keep'] : []),
  ]);
  return `${name.replaceAll(/[^A-Za-z0-9._/-]/g, '_').slice(0, 100)}~${digest(identity, 9)}`;
}
