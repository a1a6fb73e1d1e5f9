import type { MetricFamily, Dialect } from '../families/metric-family.js';
import type { ByteWriter } from './byte-writer.js';
import type { Label } from '../naming/labels.js';
import type { MetricPoint } from '../families/metric-points.js';

/** How one media type writes metrics and points. */
export interface Format {
  readonly dialect: Dialect;
  /** True if exponential histograms can be written as they are. */
  readonly nativeHistograms: boolean;
  /** Formats that encode labels alike share the cache of them. */
  readonly labelEncoding: 'text' | 'protobuf';
  /** The labels of a series as they are copied into every line of it. */
  encodeLabels(labels: readonly Label[]): Uint8Array;
  /** Writes the head of a metric: its name, type and help; `boundaries` as in `CollectedPoints`. */
  begin(writer: ByteWriter, metric: MetricFamily, boundaries: readonly number[]): FamilyWriter;
  /** Writes the end of a scrape. */
  end(writer: ByteWriter): void;
}

export interface FamilyWriter {
  point(point: MetricPoint): void;
  /** Writes the end of the metric. */
  end(): void;
}
