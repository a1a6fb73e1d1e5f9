import type { MetricFamily } from '../families/metric-family.js';
import { type ByteWriter, numberText } from './byte-writer.js';
import type { FamilyWriter, Format } from './format.js';
import type { MetricPoint } from '../families/metric-points.js';
import { BucketLabels, SampleLine, labelsText, nameText } from './sample-line.js';

const BUCKETS = new BucketLabels(numberText);

/**
 * Prometheus text format 0.0.4, and 1.0.0, which differs only in the names that may be quoted. "All lines for a given
 * metric must be provided as one single group", TYPE before the first sample, every line once.
 */
export const TEXT: Format = {
  dialect: 'prometheus',
  nativeHistograms: false,
  labelEncoding: 'text',
  encodeLabels: labelsText,
  begin: (writer, metric, boundaries) => {
    writeHeader(writer, metric);
    return metric.type === 'histogram' ? histogram(writer, metric, boundaries) : scalar(writer, metric);
  },
  end: () => undefined,
};

function writeHeader(writer: ByteWriter, { name, type, help }: MetricFamily): void {
  const shown = nameText(name);
  // A metric without a description has no HELP: an empty one says nothing, an invented one something wrong.
  if (help !== '') writer.text(`# HELP ${shown} ${escapeHelp(help)}\n`);
  // The format knows "counter, gauge, histogram, summary, or untyped".
  writer.text(`# TYPE ${shown} ${type === 'info' ? 'gauge' : type}\n`);
}

function escapeHelp(help: string): string {
  return help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function scalar(writer: ByteWriter, { name }: MetricFamily): FamilyWriter {
  const line = new SampleLine(writer, name);
  return {
    point: ({ labels, values }) => line.write(labels.bytes, values[0] ?? 0),
    end: () => undefined,
  };
}

function histogram(writer: ByteWriter, { name }: MetricFamily, boundaries: readonly number[]): FamilyWriter {
  const bucket = new SampleLine(writer, `${name}_bucket`);
  const sum = new SampleLine(writer, `${name}_sum`);
  const count = new SampleLine(writer, `${name}_count`);
  const les = BUCKETS.of(boundaries);
  return {
    point: (point) => {
      const total = writeBucketLines(bucket, les, point);
      sum.write(point.labels.bytes, point.values[0] ?? 0);
      count.write(point.labels.bytes, total);
    },
    end: () => undefined,
  };
}

/**
 * Cumulative counts, ascending. Returns the last one: "Its value must be identical to the value of x_count", so both come from
 * the same additions.
 */
export function writeBucketLines(
  line: SampleLine,
  les: readonly Uint8Array[],
  { labels, values }: MetricPoint,
  first: number = 0,
): number {
  let total = 0;
  let index = 0;
  for (const le of les) {
    index += 1;
    total += values[index] ?? 0;
    if (index > first) line.writeBucket(labels.bytes, le, total);
  }
  return total;
}
