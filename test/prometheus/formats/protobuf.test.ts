import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import * as protobuf from 'protobufjs';

import type { Snapshot } from '../../../src/model/snapshot.js';
import { ACCEPT, exposition, familyOf, renderBytes, seriesOf, snapshotOf } from '../render.js';

/** The part of prometheus/client_model's metrics.proto that can appear, read by reflection. */
const { root } = protobuf.parse(`
syntax = "proto2";
package io.prometheus.client;
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType { COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; }
message Gauge { optional double value = 1; }
message Counter { optional double value = 1; optional Timestamp created_timestamp = 3; }
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Bucket { optional uint64 cumulative_count = 1; optional double upper_bound = 2; }
message Histogram {
  optional uint64 sample_count = 1; optional double sample_sum = 2; repeated Bucket bucket = 3;
  optional sint32 schema = 5; optional double zero_threshold = 6; optional uint64 zero_count = 7;
  repeated BucketSpan negative_span = 9; repeated sint64 negative_delta = 10;
  repeated BucketSpan positive_span = 12; repeated sint64 positive_delta = 13;
  optional Timestamp created_timestamp = 15;
}
message Metric { repeated LabelPair label = 1; optional Gauge gauge = 2; optional Counter counter = 3; optional Histogram histogram = 7; }
message MetricFamily { optional string name = 1; optional string help = 2; optional MetricType type = 3; repeated Metric metric = 4; optional string unit = 5; }
`);
const FAMILY = root.lookupType('io.prometheus.client.MetricFamily');

async function decode(
  snapshot: Snapshot,
  accept: string = ACCEPT.protobuf,
  by = exposition(),
): Promise<object[]> {
  const reader = protobuf.Reader.create(await renderBytes(snapshot, accept, by));
  const families: object[] = [];
  while (reader.pos < reader.len) {
    families.push(FAMILY.toObject(FAMILY.decodeDelimited(reader), { longs: Number, enums: String }));
  }
  return families.filter((family) => !('name' in family) || family.name !== 'orchestrator_instances');
}

describe('protobuf', () => {
  test('counters, gauges and target_info', async () => {
    const snapshot = snapshotOf(
      [
        familyOf('io', 'counter', [seriesOf([['k', 'é"']], [3], { startMs: 1_700_000_000_123 })], {
          unit: 'By',
          help: 'h',
        }),
        familyOf('q', 'updowncounter', [seriesOf([], [-1.5])]),
      ],
      [['service.name', 'shop']],
    );
    assert.deepEqual(await decode(snapshot), [
      {
        name: 'target_info',
        help: 'Target metadata',
        type: 'GAUGE',
        metric: [{ label: [{ name: 'service_name', value: 'shop' }], gauge: { value: 1 } }],
      },
      {
        name: 'io_bytes_total',
        help: 'h',
        type: 'COUNTER',
        unit: 'bytes',
        metric: [
          {
            label: [{ name: 'k', value: 'é"' }],
            counter: { value: 3, createdTimestamp: { seconds: 1_700_000_000, nanos: 123_000_000 } },
          },
        ],
      },
      { name: 'q', type: 'GAUGE', metric: [{ gauge: { value: -1.5 } }] },
    ]);
  });

  test('classic histograms have cumulative buckets', async () => {
    const family = familyOf('d', 'histogram', [seriesOf([], [7.5, 1, 2, 4])], { boundaries: [1, 2] });
    const bucket = [
      { cumulativeCount: 1, upperBound: 1 },
      { cumulativeCount: 3, upperBound: 2 },
      { cumulativeCount: 7, upperBound: Infinity },
    ];
    assert.deepEqual(await decode(snapshotOf([family])), [
      { name: 'd', type: 'HISTOGRAM', metric: [{ histogram: { sampleCount: 7, sampleSum: 7.5, bucket } }] },
    ]);
  });

  test('exponential histograms are native: "the bucket index … is Offset + i + 1", spans and deltas', async () => {
    // Positive buckets 0, 1 and 9 of scale 2, negative bucket -3.
    const values = [2, 0, 5, 7.5, 0, 10, -3, 4, 6, 0, 0, 0, 0, 0, 0, 0, 1, 2];
    const family = familyOf('d', 'exponentialhistogram', [seriesOf([], values)]);
    const [decoded] = await decode(snapshotOf([family]));
    assert.deepEqual(decoded, {
      name: 'd',
      type: 'HISTOGRAM',
      metric: [
        {
          histogram: {
            sampleCount: 18,
            sampleSum: 7.5,
            schema: 2,
            zeroThreshold: 1e-128,
            zeroCount: 5,
            negativeSpan: [{ offset: -2, length: 1 }],
            negativeDelta: [2],
            positiveSpan: [
              { offset: 1, length: 2 },
              { offset: 7, length: 1 },
            ],
            positiveDelta: [4, 2, -5],
          },
        },
      ],
    });
  });

  test('"If Scale is > 8 then [they] SHOULD be downscaled"', async () => {
    const family = familyOf('d', 'exponentialhistogram', [seriesOf([], [10, 0, 0, 1, 0, 4, 0, 1, 1, 1, 1])]);
    const [decoded] = await decode(snapshotOf([family]));
    assert.match(
      JSON.stringify(decoded),
      /"schema":8,.*"positiveSpan":\[\{"offset":1,"length":1\}\],"positiveDelta":\[4\]/,
    );
  });

  test('"If Scale is < -4, the data point MUST be dropped" as native: it becomes classic, like a metric that is both', async () => {
    const coarse = familyOf('d', 'exponentialhistogram', [seriesOf([], [-5, 0, 0, 1, 0, 1, 0, 3])]);
    const both = [
      familyOf('e', 'histogram', [seriesOf([], [1, 2, 3])], { boundaries: [4] }),
      familyOf('e', 'exponentialhistogram', [seriesOf([['k', 'v']], [0, 0, 0, 1, 0, 1, 0, 3])]),
    ];
    const text = JSON.stringify(await decode(snapshotOf([coarse, ...both])));
    assert.doesNotMatch(text, /schema/);
    assert.match(text, /"sampleCount":3,.*"sampleCount":5,.*"sampleCount":3,/);
  });

  test('an empty exponential histogram is still a native one', async () => {
    const [decoded] = await decode(
      snapshotOf([familyOf('d', 'exponentialhistogram', [seriesOf([], [20, 0, 0, 0, 0, 0, 0])])]),
    );
    assert.match(JSON.stringify(decoded), /"sampleCount":0,.*"schema":8,"zeroThreshold":1e-128/);
  });

  test('names are UTF-8 when both sides want them, and text is well-formed', async () => {
    const by = exposition({ translationStrategy: 'NoTranslation' });
    const snapshot = snapshotOf([
      familyOf('a.b', 'gauge', [seriesOf([['k.l', 'x\ud800']], [1])], { help: '\udc00' }),
    ]);
    assert.deepEqual(await decode(snapshot, `${ACCEPT.protobuf};escaping=allow-utf-8`, by), [
      {
        name: 'a.b',
        help: '\ufffd',
        type: 'GAUGE',
        metric: [{ label: [{ name: 'k.l', value: 'x\ufffd' }], gauge: { value: 1 } }],
      },
    ]);
  });
});
