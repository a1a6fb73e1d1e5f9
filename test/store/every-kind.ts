import assert from 'node:assert/strict';

import type { InstanceAggregation } from '../../src/model/family.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { collectBody, Exposition } from '../../src/prometheus/exposition.js';
import {
  add,
  added,
  counter,
  gauge,
  histogram,
  now,
  reported,
  series,
  type Sent,
  upDownCounter,
} from '../contract/bed.js';
import { Exposition as Parsed } from '../helpers/exposition.js';

/** A batch with a metric of every kind. */
export function everyKind(
  name = '',
  modes: readonly InstanceAggregation[] = ['instance', 'max', 'keep'],
): Sent {
  const one = series({ a: 'b' });
  return {
    deltas: [
      added(counter(`${name}orders`), add(one, 3), add(series(), 1)),
      added(histogram(`${name}duration`, [1, 2]), add(one, 0.5, 1, 0, 0)),
      added(
        counter(`${name}latency`, { type: 'exponentialhistogram', unit: 's' }),
        add(one, 0, 0, 1, 2, 0, 1, 0, 4),
      ),
    ],
    current: [
      reported(upDownCounter(`${name}active`), now(one, 5)),
      ...modes.map((mode) => reported(gauge(`${name}gauge.${mode}`, mode), now(one, 6))),
    ],
  };
}

const ACCEPTS = [
  undefined,
  'application/openmetrics-text;version=1.0.0',
  'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited',
  'text/plain;version=1.0.0;escaping=allow-utf-8',
];

/** Throws unless the snapshot can be written in every format, and the text is right. */
export async function assertExposed(snapshot: Snapshot): Promise<void> {
  for (const accept of ACCEPTS) {
    const body = await collectBody(
      new Exposition({ warn: (message) => assert.doesNotMatch(message, /broke|cannot be written/) }).render(
        snapshot,
        accept,
      ).body,
    );
    if (accept === undefined) assert.ok(new Parsed(body.toString()).lines > 0);
  }
}
