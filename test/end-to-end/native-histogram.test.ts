import assert from 'node:assert/strict';
import { test } from 'node:test';

import { runApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { startPrometheus } from '../helpers/prometheus.js';
import { watchedProject } from './project.js';

/** Of an exponential histogram with at most 160 buckets over these six powers of two: the width of one bucket. */
const BUCKET_WIDTH = 2 ** (2 ** -4);

test('an exponential histogram of two processes is one, native for a Prometheus that asks and classic in text', async (t) => {
  const { env, metricsPort, look } = await watchedProject(t);
  const values = Array.from({ length: 400 }, (_, index) => 0.01 * 1.01 ** index);
  const halves = [values.filter((_, index) => index % 2 === 0), values.filter((_, index) => index % 2 === 1)];
  for (const half of halves) {
    const { code, stdout, stderr } = await runApp(t, 'exponential.cjs', {
      nodeArgs: [],
      env: { ...env, VALUES: half.join(',') },
    });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'done\n' }, stderr);
  }
  const seen = await look();
  const name = 'checkout_duration_seconds';
  assert.equal(seen.families.get(name)?.type, 'histogram');
  assert.equal(seen.sum(`${name}_count`), values.length);
  for (const { labels, value } of seen.samples(`${name}_bucket`)) {
    const bound = labels['le'] === '+Inf' ? Infinity : Number(labels['le']);
    assert.equal(value, values.filter((observed) => observed <= bound).length, `le=${labels['le']}`);
  }

  const [native, classic] = await Promise.all([
    startPrometheus(t, metricsPort, { features: ['native-histograms'] }),
    startPrometheus(t, metricsPort),
  ]);
  await eventually(async () => {
    assert.equal(await native.value(`histogram_count(${name})`), values.length);
    assert.equal(await classic.value(`sum(${name}_count)`), values.length);
  });
  assert.deepEqual(await native.query(`${name}_bucket`), [], 'it is native, and not classic beside it');
  for (const quantile of [0.1, 0.5, 0.9, 0.99]) {
    const exact = values[Math.ceil(quantile * values.length) - 1] ?? Number.NaN;
    const ratio = (await native.value(`histogram_quantile(${quantile}, ${name})`)) / exact;
    assert.ok(ratio <= BUCKET_WIDTH && ratio >= 1 / BUCKET_WIDTH, `quantile ${quantile}: ${ratio}`);
  }
});
