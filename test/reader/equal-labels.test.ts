import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ValueType } from '@opentelemetry/api';

import { projectOn, STORE_KINDS } from './each-store.js';

/** For the SDK two attribute sets, for Prometheus one. */
const SAME = [{ id: 1 }, { id: '1' }] as const;

for (const kind of STORE_KINDS) {
  test(`attributes that are written alike are one series, and one right number: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const { meter, reader, values, warnings } = open({ gaugeAggregation: () => 'last' });
    const counter = meter.createCounter('counter');
    const upDown = meter.createUpDownCounter('upDown');
    const histogram = meter.createHistogram('histogram', { advice: { explicitBucketBoundaries: [1] } });
    const gauge = meter.createGauge('gauge');
    let round = 0;
    meter.createObservableCounter('observedCounter').addCallback((result) => {
      for (const attributes of SAME) result.observe(10 * round, attributes);
    });
    meter.createObservableUpDownCounter('observedUpDown').addCallback((result) => {
      for (const [index, attributes] of SAME.entries()) result.observe(round + index, attributes);
    });
    meter.createObservableGauge('observedGauge').addCallback((result) => {
      for (const [index, attributes] of SAME.entries()) result.observe(round + index, attributes);
    });
    for (round = 1; round <= 2; round += 1) {
      for (const [index, attributes] of SAME.entries()) {
        counter.add(1, attributes);
        upDown.add(index === 0 ? 5 : -2, attributes);
        histogram.record(2, attributes);
        // In one interval only the order of the sets is known; from one to the next, which one is newer.
        if (index === round - 1) gauge.record(100 + round, attributes);
      }
      await reader.forceFlush();
    }
    round = 2;
    assert.deepEqual(await values(), {
      counter: { 'id=1': [4] },
      upDown: { 'id=1': [6] },
      histogram: { 'id=1': [8, 0, 4] },
      gauge: { 'id=1': [102] },
      observedCounter: { 'id=1': [40] },
      observedUpDown: { 'id=1': [5] },
      observedGauge: { 'id=1': [3] },
    });
    assert.deepEqual(warnings, []);
  });

  test(`one name with both value types is one series too: ${kind}`, async (t) => {
    const open = await projectOn(t, kind);
    const { meter, reader, values } = open({ gaugeAggregation: () => 'last' });
    const types = [{ valueType: ValueType.INT }, { valueType: ValueType.DOUBLE }];
    for (const [index, options] of types.entries()) {
      meter.createCounter('counter', options).add(1);
      meter.createUpDownCounter('upDown', options).add(index === 0 ? 5 : -2);
      meter.createGauge('gauge', options).record(index);
      meter.createHistogram('histogram', { ...options, advice: { explicitBucketBoundaries: [1] } }).record(2);
      meter.createObservableUpDownCounter('observed', options).addCallback((result) => result.observe(3));
    }
    await reader.forceFlush();
    assert.deepEqual(await values(), {
      counter: { '': [2] },
      upDown: { '': [3] },
      gauge: { '': [1] },
      histogram: { '': [4, 0, 2] },
      observed: { '': [6] },
    });
  });
}
