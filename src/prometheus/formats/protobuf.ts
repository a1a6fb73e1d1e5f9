import { Writer } from 'protobufjs/minimal';

import {
  type Exponential,
  type ExponentialBuckets,
  downscale,
  exponentialCount,
} from '../../model/exponential-histogram.js';
import type { MetricFamily, MetricType } from '../families/metric-family.js';
import type { ByteWriter } from './byte-writer.js';
import type { FamilyWriter, Format } from './format.js';
import type { Label } from '../naming/labels.js';
import type { MetricPoint } from '../families/metric-points.js';

/** Field numbers and wire types of `io.prometheus.client` (prometheus/client_model, metrics.proto), ready to write. */
const VARINT = 0;
const DOUBLE = 1;
const BYTES = 2;
const FAMILY = {
  name: tag(1, BYTES),
  help: tag(2, BYTES),
  type: tag(3, VARINT),
  metric: tag(4, BYTES),
  unit: tag(5, BYTES),
};
const METRIC = {
  label: tag(1, BYTES),
  gauge: tag(2, BYTES),
  counter: tag(3, BYTES),
  histogram: tag(7, BYTES),
};
const LABEL = { name: tag(1, BYTES), value: tag(2, BYTES) };
const GAUGE = { value: tag(1, DOUBLE) };
const COUNTER = { value: tag(1, DOUBLE), created: tag(3, BYTES) };
const BUCKET = { count: tag(1, VARINT), upperBound: tag(2, DOUBLE) };
const SPAN = { offset: tag(1, VARINT), length: tag(2, VARINT) };
const TIMESTAMP = { seconds: tag(1, VARINT), nanos: tag(2, VARINT) };
const HISTOGRAM = {
  count: tag(1, VARINT),
  sum: tag(2, DOUBLE),
  bucket: tag(3, BYTES),
  schema: tag(5, VARINT),
  zeroThreshold: tag(6, DOUBLE),
  zeroCount: tag(7, VARINT),
  negative: { span: tag(9, BYTES), delta: tag(10, BYTES) },
  positive: { span: tag(12, BYTES), delta: tag(13, BYTES) },
  created: tag(15, BYTES),
};

const TYPES: Readonly<Record<MetricType, number>> = {
  counter: 0,
  gauge: 1,
  info: 1,
  unknown: 3,
  histogram: 4,
};

/** "If Scale is > 8 then … data points SHOULD be downscaled": the finest schema of a native histogram. */
const MAX_SCHEMA = 8;
/** "Otherwise, it is set to the default value 1e-128"; zero would make Prometheus take an empty native histogram for a classic one. */
const DEFAULT_ZERO_THRESHOLD = 1e-128;
/** An empty bucket costs a byte, a new span three and more. */
const MAX_GAP = 2;

/**
 * Delimited `io.prometheus.client.MetricFamily` messages: the only format in which Prometheus reads native histograms.
 * Loaded when somebody asks for it: protobufjs takes about 10 ms.
 */
export const PROTOBUF: Format = {
  dialect: 'prometheus',
  nativeHistograms: true,
  labelEncoding: 'protobuf',
  encodeLabels,
  begin: (writer, metric, boundaries) => new MessageWriter(writer, metric, boundaries),
  end: () => undefined,
};

function tag(field: number, wireType: number): number {
  return field * 8 + wireType;
}

function encodeLabels(labels: readonly Label[]): Uint8Array {
  const writer = Writer.create();
  for (const [name, value] of labels) {
    writer.uint32(METRIC.label).fork();
    writer.uint32(LABEL.name).string(name.toWellFormed());
    writer.uint32(LABEL.value).string(value.toWellFormed());
    writer.ldelim();
  }
  return writer.finish();
}

/** A message is preceded by its length, so that a family is written out when it is complete. */
class MessageWriter implements FamilyWriter {
  readonly #out: ByteWriter;
  readonly #metric: MetricFamily;
  readonly #boundaries: readonly number[];
  readonly #message: Writer = Writer.create();

  constructor(out: ByteWriter, metric: MetricFamily, boundaries: readonly number[]) {
    this.#out = out;
    this.#metric = metric;
    this.#boundaries = boundaries;
    const { name, help, type } = metric;
    // Invalid UTF-8 in one text would cost the whole scrape.
    this.#message.uint32(FAMILY.name).string(name.toWellFormed());
    if (help !== '') this.#message.uint32(FAMILY.help).string(help.toWellFormed());
    this.#message.uint32(FAMILY.type).uint32(TYPES[type]);
  }

  point(point: MetricPoint): void {
    const message = this.#message;
    message.uint32(FAMILY.metric).fork().raw(point.labels.bytes);
    if (this.#metric.type === 'histogram') this.#histogram(point);
    else if (this.#metric.type === 'counter') this.#counter(point);
    else {
      message.uint32(METRIC.gauge).fork();
      message.uint32(GAUGE.value).double(point.values[0] ?? 0);
      message.ldelim();
    }
    message.ldelim();
  }

  end(): void {
    if (this.#metric.unit !== '') this.#message.uint32(FAMILY.unit).string(this.#metric.unit);
    const message = this.#message.finish(true);
    this.#out.copy(Writer.create().uint32(message.length).finish());
    this.#out.copy(message);
  }

  #counter({ values, startMs }: MetricPoint): void {
    const message = this.#message.uint32(METRIC.counter).fork();
    message.uint32(COUNTER.value).double(values[0] ?? 0);
    writeTimestamp(message, COUNTER.created, startMs);
    message.ldelim();
  }

  #histogram(point: MetricPoint): void {
    const message = this.#message.uint32(METRIC.histogram).fork();
    if (point.native === undefined) writeClassic(message, point.values, this.#boundaries);
    else writeNative(message, point.native);
    writeTimestamp(message, HISTOGRAM.created, point.startMs);
    message.ldelim();
  }
}

function writeClassic(message: Writer, values: ArrayLike<number>, boundaries: readonly number[]): void {
  let total = 0;
  for (let index = 0; index <= boundaries.length; index += 1) {
    total += values[index + 1] ?? 0;
    message.uint32(HISTOGRAM.bucket).fork();
    message.uint32(BUCKET.count).uint64(total);
    message.uint32(BUCKET.upperBound).double(boundaries[index] ?? Infinity);
    message.ldelim();
  }
  message.uint32(HISTOGRAM.count).uint64(total);
  message.uint32(HISTOGRAM.sum).double(values[0] ?? 0);
}

function writeNative(message: Writer, histogram: Exponential): void {
  const { scale, zeroThreshold, zeroCount, sum, positive, negative } = downscale(
    histogram,
    histogram.scale - MAX_SCHEMA,
  );
  message.uint32(HISTOGRAM.count).uint64(exponentialCount(histogram));
  message.uint32(HISTOGRAM.sum).double(sum);
  message.uint32(HISTOGRAM.schema).sint32(scale);
  message.uint32(HISTOGRAM.zeroThreshold).double(zeroThreshold || DEFAULT_ZERO_THRESHOLD);
  message.uint32(HISTOGRAM.zeroCount).uint64(zeroCount);
  writeSpans(message, HISTOGRAM.negative, negative);
  writeSpans(message, HISTOGRAM.positive, positive);
}

/** Runs of buckets, and each count as the difference to the one before. */
function writeSpans(
  message: Writer,
  fields: { readonly span: number; readonly delta: number },
  { offset, counts }: ExponentialBuckets,
): void {
  const spans: Array<{ offset: number; length: number }> = [];
  const deltas: number[] = [];
  // "The Native Histogram bucket index … is `Offset + i + 1`": Prometheus numbers a bucket by its upper bound, OpenTelemetry by its lower.
  let end = 0;
  let previous = 0;
  for (const [k, count] of counts.entries()) {
    if (count === 0) continue;
    const index = offset + k + 1;
    const span = spans.at(-1);
    if (span === undefined || index - end > MAX_GAP) spans.push({ offset: index - end, length: 1 });
    else {
      for (let gap = end; gap < index; gap += 1) {
        deltas.push(-previous);
        previous = 0;
      }
      span.length += index - end + 1;
    }
    deltas.push(count - previous);
    previous = count;
    end = index + 1;
  }
  for (const span of spans) {
    message.uint32(fields.span).fork();
    message.uint32(SPAN.offset).sint32(span.offset);
    message.uint32(SPAN.length).uint32(span.length);
    message.ldelim();
  }
  if (deltas.length === 0) return;
  message.uint32(fields.delta).fork();
  for (const delta of deltas) message.sint64(delta);
  message.ldelim();
}

function writeTimestamp(message: Writer, field: number, milliseconds: number): void {
  if (milliseconds <= 0) return;
  const seconds = Math.floor(milliseconds / 1000);
  message.uint32(field).fork();
  message.uint32(TIMESTAMP.seconds).int64(seconds);
  message.uint32(TIMESTAMP.nanos).int32(Math.round((milliseconds - seconds * 1000) * 1e6));
  message.ldelim();
}
