import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { makeSeries, type Attributes } from '../../../src/model/series.js';
import type { Snapshot } from '../../../src/model/snapshot.js';
import { createLocalStore } from '../../../src/store/local/local-store.js';
import { add, added, Bed, counter, histogram, valuesOf } from '../../contract/bed.js';
import { PACKAGE_ROOT } from '../../helpers/scratch.js';

/**
 * Written by version 0.1.0: two processes that live for three centuries, one that ended, a checkpoint of a first log, and a
 * log with every kind of record and an unfinished line.
 */
const FIXTURE = path.join(PACKAGE_ROOT, 'test/fixtures/local-store-0.1.0');
const FOREVER_MS = 1e13;

const of = (...attributes: Attributes) => makeSeries({ name: 'shop', version: '1.0' }, attributes);
const requests = counter('requests', { unit: '{request}', help: 'Requests "so far".' });
const duration = histogram('duration', [1, 2, 5]);

const WRITTEN = {
  duration: { '': [30, 6, 11, 19] },
  'gauge.avg': { 'a=b': [6.5] },
  'gauge.instance': { 'a=b,service.instance.id=a': [2], 'a=b,service.instance.id=b': [3] },
  'gauge.keep': { 'a=b': [9], 'job=c': [42] },
  'gauge.last': { 'a=b': [8] },
  'gauge.max': { 'a=b': [6] },
  'gauge.min': { 'a=b': [4] },
  'gauge.sum': { 'a=b': [7] },
  latency: { '': [3, 0, 2, 9, -3, 3, 0, 2, 0, 4] },
  odd: { 'v=nan': [Number.NaN], 'v=inf': [Number.POSITIVE_INFINITY] },
  open: { 'pool=x': [5] },
  requests: {
    'code=200': [2 ** 53 + 5 + 100 + 1 + 3],
    '=empty key,a="\\\n\0\u{1f600},ü=': [0.1],
    'code=500': [1],
    'otel.metric.overflow=true': [9],
  },
};

describe('the files of version 0.1.0', () => {
  let directory: string;
  let bed: Bed;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'local-compatibility-'));
    await cp(FIXTURE, directory, { recursive: true });
    bed = new Bed({
      open: (context) =>
        createLocalStore({ ...context, warn: (message) => assert.fail(message) }, { directory, logBytes: 1 }),
      lose: () => rm(directory, { recursive: true }),
      close: () => rm(directory, { recursive: true, force: true }),
    });
  });
  after(() => bed.close());

  test('are read, added to, and followed by a checkpoint and a log of this version', async () => {
    const options = { project: 'Shop', ttlMs: FOREVER_MS, maxSeries: 3 };
    const one = await bed.instance(options);
    const found: Snapshot = await one.store.snapshot();
    assert.deepEqual(valuesOf(found), WRITTEN);
    assert.equal(found.instances, 2);
    assert.deepEqual(found.resource, [
      ['host.name', 'h'],
      ['service.name', 'shop'],
    ]);
    assert.equal(await one.store.acquireLock('host:h', 1000), false, 'a process of 0.1.0 has this lock');

    await one.send({
      deltas: [
        added(requests, add(of(['code', '500']), 1), add(of(['code', '503']), 1)),
        added(duration, add(of(), 1, 1, 0, 0, 0)),
      ],
    });
    // The log ends when it is twice as long as its checkpoint.
    for (let batch = 0; batch < 20; batch += 1)
      await one.send({ deltas: [added(requests, add(of(['code', '500']), 0))] });
    const expected = {
      ...WRITTEN,
      duration: { '': [31, 7, 11, 19] },
      requests: { ...WRITTEN.requests, 'code=500': [2], 'otel.metric.overflow=true': [10] },
    };
    assert.deepEqual(valuesOf(await one.store.snapshot()), expected);
    const names = await readdir(path.join(directory, 'shop'));
    assert.deepEqual(names.map((name) => name.replace(/-\w+/, '')).toSorted(), ['3.log', '3.state']);
    const fresh = await (await bed.instance(options)).store.snapshot();
    assert.deepEqual(valuesOf(fresh), expected);
    const starts = ({ families }: Snapshot) =>
      families.map(({ series }) => series.map(({ startMs }) => startMs));
    assert.deepEqual(starts(fresh), starts(found));
  });
});
