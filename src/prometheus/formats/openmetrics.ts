import type { MetricFamily } from '../families/metric-family.js';
import type { ByteWriter } from './byte-writer.js';
import type { FamilyWriter, Format } from './format.js';
import { withoutTotal } from '../naming/names.js';
import type { MetricPoint } from '../families/metric-points.js';
import { BucketLabels, SampleLine, escapeQuoted, labelsText, nameText } from './sample-line.js';
import { writeBucketLines } from './text.js';

const BUCKETS = new BucketLabels(canonicalNumber);

/** OpenMetrics text 1.0.0; 0.0.1 is the same for everything that is written here. */
export const OPENMETRICS: Format = openMetrics((writer, family) => {
  const line = new SampleLine(writer, `${family}_created`);
  return ({ labels, startMs }) => {
    if (startMs > 0) line.write(labels.bytes, startMs / 1000);
  };
});

/** "Created" values are optional; Prometheus stores each as a series. */
export const OPENMETRICS_WITHOUT_CREATED: Format = openMetrics(() => () => undefined);

/**
 * Writes when a point began to count: "The corresponding Created time MUST also be set to the timestamp of the reset", in
 * seconds.
 */
type CreatedLine = (writer: ByteWriter, family: string) => (point: MetricPoint) => void;

function openMetrics(createdLine: CreatedLine): Format {
  return {
    dialect: 'openmetrics',
    nativeHistograms: false,
    labelEncoding: 'text',
    encodeLabels: labelsText,
    begin: (writer, metric, boundaries) => {
      const family = familyName(metric);
      writeHeader(writer, metric, family);
      switch (metric.type) {
        case 'histogram':
          return histogram(writer, family, boundaries, createdLine);
        case 'counter':
          return counter(writer, family, createdLine);
        default:
          return gauge(writer, metric.name);
      }
    },
    end: (writer) => writer.text('# EOF\n'),
  };
}

/**
 * A bound as OpenMetrics' "canonical numbers" want it: the shortest text that reads back as the same double, `1.0`
 * for one, an exponent below 1e-4 and from 1e+06 on.
 */
export function canonicalNumber(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : value < 0 ? '-Inf' : 'NaN';
  const magnitude = Math.abs(value);
  if (magnitude !== 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The name of a family has no suffix of its samples: no `_total`, no `_info`. */
function familyName({ name, type }: MetricFamily): string {
  if (type === 'counter') return withoutTotal(name);
  return type === 'info' ? name.replace(/_info$/, '') : name;
}

function writeHeader(writer: ByteWriter, { type, help, unit }: MetricFamily, family: string): void {
  const shown = nameText(family);
  writer.text(`# TYPE ${shown} ${type}\n`);
  if (unit !== '' && family.endsWith(`_${unit}`)) writer.text(`# UNIT ${shown} ${unit}\n`);
  if (help !== '') writer.text(`# HELP ${shown} ${escapeQuoted(help)}\n`);
}

function gauge(writer: ByteWriter, name: string): FamilyWriter {
  const line = new SampleLine(writer, name);
  return {
    point: ({ labels, values }) => line.write(labels.bytes, values[0] ?? 0),
    end: () => undefined,
  };
}

/** "A Total is a non-NaN and MUST be monotonically non-decreasing over time, starting from 0": others are left out. */
function counter(writer: ByteWriter, family: string, createdLine: CreatedLine): FamilyWriter {
  const total = new SampleLine(writer, `${family}_total`);
  const writeCreated = createdLine(writer, family);
  return {
    point: (point) => {
      const value = point.values[0] ?? 0;
      if (!(value >= 0)) return;
      total.write(point.labels.bytes, value);
      writeCreated(point);
    },
    end: () => undefined,
  };
}

/**
 * With negative buckets "the Histogram MetricPoint MUST NOT contain a sum value", and there is a `_count` "if and only if a
 * Sum Value is present": negative bounds are left out, which keeps all other counts and the sum exact. A sum that cannot be written (NaN, or below
 * zero) takes `_count` with it; `le="+Inf"` says the same.
 */
function histogram(
  writer: ByteWriter,
  family: string,
  boundaries: readonly number[],
  createdLine: CreatedLine,
): FamilyWriter {
  const bucket = new SampleLine(writer, `${family}_bucket`);
  const count = new SampleLine(writer, `${family}_count`);
  const sum = new SampleLine(writer, `${family}_sum`);
  const writeCreated = createdLine(writer, family);
  const les = BUCKETS.of(boundaries);
  const negative = boundaries.filter((boundary) => boundary < 0).length;
  return {
    point: (point) => {
      const total = writeBucketLines(bucket, les, point, negative);
      const observed = point.values[0] ?? 0;
      if (observed >= 0) {
        count.write(point.labels.bytes, total);
        sum.write(point.labels.bytes, observed);
      }
      writeCreated(point);
    },
    end: () => undefined,
  };
}
