import { type Family, familyKey, INSTANCE_AGGREGATIONS } from '../../model/family.js';
import type { Attributes, Series } from '../../model/series.js';

/*
 * What a store has read may have been written by something else, or be damaged. These tell whether it has the shape that this
 * package writes.
 */

/** By type: whether its values are reported as current ones. A counter's may be either. */
const CURRENT: Readonly<Record<Family['type'], boolean | undefined>> = {
  counter: undefined,
  histogram: false,
  exponentialhistogram: false,
  updowncounter: true,
  gauge: true,
};

const AGGREGATIONS: ReadonlySet<unknown> = new Set(INSTANCE_AGGREGATIONS);

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isFamily(value: unknown): value is Family {
  if (!isObject(value)) return false;
  const { key, name, type, unit, help, boundaries, aggregation } = value;
  if (![name, unit, help].every((text) => typeof text === 'string')) return false;
  if (typeof type !== 'string' || !Object.hasOwn(CURRENT, type)) return false;
  const hasBuckets = type === 'histogram' ? isNumbers(boundaries) : boundaries === undefined;
  const isCurrent = CURRENT[type as Family['type']] ?? aggregation !== undefined;
  const isAggregated = isCurrent ? AGGREGATIONS.has(aggregation) : aggregation === undefined;
  if (!hasBuckets || !isAggregated) return false;
  // A key that stands for something else would mix two metrics.
  const { aggregation: _kept, ...ofFirstVersion } = value as unknown as Family;
  return (
    key === familyKey(value as unknown as Family) ||
    (aggregation === 'keep' && key === familyKey(ofFirstVersion))
  );
}

export function isSeries(value: unknown): value is Series {
  if (!isObject(value) || typeof value['id'] !== 'string' || !isAttributes(value['attributes'])) return false;
  const { scope } = value;
  if (!isObject(scope) || typeof scope['name'] !== 'string') return false;
  const { version = '', schemaUrl = '', attributes = [] } = scope;
  return typeof version === 'string' && typeof schemaUrl === 'string' && isAttributes(attributes);
}

export function isAttributes(value: unknown): value is Attributes {
  return (
    Array.isArray(value) &&
    value.every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((item) => typeof item === 'string'),
    )
  );
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
