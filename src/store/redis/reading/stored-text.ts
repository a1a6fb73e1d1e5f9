import type { Family } from '../../../model/family.js';
import { type Attributes, decodeSeries, type Series } from '../../../model/series.js';
import { isAttributes, isFamily, isObject, isSeries } from '../../state/stored-shapes.js';

/** A family as Redis has it. */
export interface Descriptor {
  readonly family: Family;
  readonly createdAtMs: number;
}

/*
 * What is stored as JSON. Each function answers undefined for text that this package did not write: one entry that cannot be
 * read may cost itself, and nothing else.
 */

export function readDescriptor(key: string, json: string): Descriptor | undefined {
  const parsed = parse(json);
  if (!isObject(parsed)) return undefined;
  const { createdMs, ...described } = parsed;
  const family: unknown = { ...described, key };
  return isFamily(family) && typeof createdMs === 'number' ? { createdAtMs: createdMs, family } : undefined;
}

export function readSeries(id: string, json: string): Series | undefined {
  try {
    const series = decodeSeries(id, json);
    return isSeries(series) ? series : undefined;
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
