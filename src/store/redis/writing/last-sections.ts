import { performance } from 'node:perf_hooks';

import type { Attributes } from '../../../model/series.js';
import type { StoreContext } from '../../metric-store.js';
import type { LastPart, LastParts } from './last-parts.js';
import type { BatchSection } from '../scripts/batch-section.js';
import type { BatchPart } from './batch-part.js';

/** What an instance knows of Redis. */
export interface Standing {
  /** Redis' time now, in Unix milliseconds, as far as it is known. */
  readonly nowMs: number;
  /** Milliseconds since the last confirmation; undefined before the first. */
  readonly agoMs: number | undefined;
  readonly epoch: string | undefined;
  /** The part that was sent and not answered. */
  readonly uncertain: BatchPart | undefined;
}

/** Of whom the parts are. */
export interface Leaving {
  readonly context: StoreContext;
  readonly keyTtlMs: number;
  readonly resource: Attributes;
}

/** Numbered parts as plain data, for another thread, another process or a file. */
export function lastPartsOf(
  parts: readonly BatchPart[],
  { nowMs, agoMs = 0, epoch, uncertain }: Standing,
  { context, keyTtlMs, resource }: Leaving,
): LastParts {
  const { prefix, project, lease, leaseMs, ttlMs, maxSeries } = context;
  const nowMark = performance.now();
  // After so long Redis may have forgotten the position, and with it whether this part has arrived.
  const isForgotten = (part: BatchPart): boolean => part === uncertain && agoMs >= keyTtlMs / 2;
  return {
    prefix,
    instance: { project, lease, leaseMs, ttlMs, maxSeries },
    keyTtlMs,
    epoch,
    resource,
    leftAtMs: nowMs,
    parts: parts
      .filter((part) => !isForgotten(part))
      .map(({ position = 0, sections }) => ({ position, sections: sections.flatMap(lasting(nowMark)) }))
      .filter(({ sections }: LastPart) => sections.some(({ points }) => points.length > 0)),
  };
}

/** Without what ends with the instance; times count from now. */
function lasting(nowMark: number): (section: BatchSection) => BatchSection[] {
  return ({ family, mode, points, removed }) =>
    mode === 'c'
      ? []
      : [
          {
            family,
            mode,
            removed,
            points: points.map(({ series, values, value, changedMark }) => ({
              series,
              ...(values !== undefined && { values }),
              ...(value !== undefined && { value }),
              ...(changedMark !== undefined && { changedMark: changedMark - nowMark }),
            })),
          },
        ];
}
