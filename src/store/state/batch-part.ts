import type { DeltaBatch } from '../../model/delta-batch.js';
import type { Attributes } from '../../model/series.js';

/** What a store must know about the instance that sends a batch. */
export interface Sender {
  readonly lease: string;
  readonly leaseMs: number;
  readonly maxSeries: number;
}

/**
 * A whole batch, or one of the parts that it was sent in. The current values come with the last part. Not every record of a
 * log repeats the resource.
 */
export interface BatchPart extends Pick<DeltaBatch, 'sequence' | 'deltas' | 'current'> {
  readonly resource?: Attributes | undefined;
  /** When the values were collected, by the store's clock; their ages count from here. */
  readonly collectedAtMs: number;
  readonly part: number;
  readonly last: boolean;
}

/** When a batch was collected: one that waited for an outage to end is older than its arrival. `atMs`: the store's clock. */
export function collectionAtMs({ collectedAt }: DeltaBatch, atMs: number): number {
  return atMs - Math.max(0, performance.now() - collectedAt);
}
