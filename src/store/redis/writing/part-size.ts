import type { Family } from '../../../model/family.js';
import { type Attributes, encodeSeries, type Series } from '../../../model/series.js';
import type { Measure, PartSize } from '../../state/split-batch.js';
import type { SectionPoint } from '../scripts/batch-section.js';
import { encodeDescriptor } from '../scripts/section-encoding.js';

/**
 * What one script call may carry, so that it holds Redis for about a millisecond: a histogram series of 16 buckets takes 3 us,
 * a family 4 us. Bytes are counted as if all labels and descriptors had to travel, which they have to when Redis lost them.
 */
export const PART_LIMITS: PartSize = { families: 100, points: 200, numbers: 5000, bytes: 256 * 1024 };

/** A point that needs more is not sent at all. Services refuse requests of 1 MiB; the resource may come on top. */
export const MAX_POINT_BYTES: number = 512 * 1024;

/** Attributes of the resource beyond this are left out. */
const MAX_RESOURCE_BYTES = 64 * 1024;

/** A point of a part, or the id of one that is no longer reported. */
export type PartItem = SectionPoint | string;

/** Id, length of the payload, and the like. */
const POINT_OVERHEAD = 64;

/** Two keys with a prefix of 128 characters, key and counts of the section. */
const FAMILY_OVERHEAD = 512;

export const PART_MEASURE: Measure<PartItem> = {
  numbers: (item) => (typeof item === 'string' ? 1 : (item.values?.length ?? 2)),
  bytes: (item) =>
    typeof item === 'string'
      ? POINT_OVERHEAD
      : POINT_OVERHEAD + 8 * (item.values?.length ?? 2) + labelBytes(item.series),
  familyBytes: (family) => FAMILY_OVERHEAD + 3 * family.key.length + descriptorBytes(family),
};

/** Below this, the most that labels can take is near enough. */
const NEAR_ENOUGH = 4096;

/** Of long labels, and of descriptors, which are counted with every batch. */
const exactBytes = new WeakMap<Series | Family, number>();

function labelBytes(series: Series): number {
  const { scope, attributes } = series;
  let characters = 64 + scope.name.length + (scope.version?.length ?? 0) + (scope.schemaUrl?.length ?? 0);
  characters += charactersOf(attributes) + charactersOf(scope.attributes ?? []);
  // A control character is six bytes of JSON.
  const most = 6 * characters;
  return most <= NEAR_ENOUGH ? most : exact(series, () => encodeSeries(scope, attributes));
}

function charactersOf(attributes: Attributes): number {
  let characters = 0;
  for (const [key, value] of attributes) characters += key.length + value.length + 1;
  return characters;
}

function descriptorBytes(family: Family): number {
  return exact(family, () => encodeDescriptor(family));
}

function exact(of: Series | Family, text: () => string): number {
  let bytes = exactBytes.get(of);
  if (bytes === undefined) exactBytes.set(of, (bytes = Buffer.byteLength(text())));
  return bytes;
}

/** As many attributes of a resource as fit, in their order. */
export function boundResource(resource: Attributes): Attributes {
  let bytes = 0;
  const fits = resource.findIndex(
    (attribute) => (bytes += Buffer.byteLength(JSON.stringify(attribute)) + 1) > MAX_RESOURCE_BYTES,
  );
  return fits === -1 ? resource : resource.slice(0, fits);
}
