import type { Family } from '../../../model/family.js';
import { type Attributes, decodeSeries, type Series } from '../../../model/series.js';

/** A family as Redis has it. */
export interface Descriptor {
  readonly family: Family;
  readonly createdAtMs: number;
}

const FAMILY_TYPES: ReadonlySet<unknown> = new Set<Family['type']>([
  'counter',
  'updowncounter',
  'gauge',
  'histogram',
  'exponentialhistogram',
]);

/*
 * What is stored as JSON. Each function answers undefined for text that this package did not write: one entry that cannot be
 * read may cost itself, and nothing else.
 */

export function readDescriptor(key: string, json: string): Descriptor | undefined {
  const parsed = parse(json);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { createdMs, ...family } = parsed as Partial<Family> & { createdMs?: unknown };
  const { name, type, unit, help, boundaries, aggregation } = family;
  const isDescribed = [name, unit, help].every((text) => typeof text === 'string') && FAMILY_TYPES.has(type);
  const hasBuckets = type === 'histogram' ? isNumbers(boundaries) : boundaries === undefined;
  const isAggregated = aggregation === undefined || typeof aggregation === 'string';
  if (!isDescribed || !hasBuckets || !isAggregated || typeof createdMs !== 'number') return undefined;
  return { createdAtMs: createdMs, family: { ...(family as Family), key } };
}

export function readSeries(id: string, json: string): Series | undefined {
  try {
    const series = decodeSeries(id, json);
    const { scope, attributes } = series;
    const texts = [scope.name, scope.version ?? '', scope.schemaUrl ?? ''];
    const isWhole = texts.every((text) => typeof text === 'string') && isAttributes(scope.attributes ?? []);
    return isWhole && isAttributes(attributes) ? series : undefined;
  } catch {
    return undefined;
  }
}

export function readResource(json: string): Attributes | undefined {
  if (json === '') return [];
  const parsed = parse(json);
  return isAttributes(parsed) ? parsed : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isNumbers(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function isAttributes(value: unknown): value is Attributes {
  return (
    Array.isArray(value) &&
    value.every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((item) => typeof item === 'string'),
    )
  );
}
