import type { Block, Dialect } from '../families/metric-family.js';
import type { ByteWriter } from './byte-writer.js';
import type { Label } from '../naming/labels.js';
import type { Point } from '../families/metric-points.js';

/** How one media type writes blocks and points. */
export interface Format {
  readonly dialect: Dialect;
  /** True if exponential histograms can be written as they are. */
  readonly nativeHistograms: boolean;
  /** Formats that encode labels alike share the cache of them. */
  readonly labelEncoding: 'text' | 'protobuf';
  /** The labels of a series as they are copied into every line of it. */
  encodeLabels(labels: readonly Label[]): Uint8Array;
  /** Writes what stands before the points of a block; `boundaries` as in `BlockPoints`. */
  begin(writer: ByteWriter, block: Block, boundaries: readonly number[]): BlockWriter;
  /** Writes what stands at the end of a scrape. */
  end(writer: ByteWriter): void;
}

export interface BlockWriter {
  point(point: Point): void;
  /** Writes what stands after the points of the block. */
  end(): void;
}
