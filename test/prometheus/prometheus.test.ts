import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';

import * as fc from 'fast-check';

import { collectBody } from '../../src/prometheus/exposition.js';
import { type Exponential, unpackExponential } from '../../src/model/exponential-histogram.js';
import type { Snapshot } from '../../src/model/snapshot.js';
import { eventually } from '../helpers/eventually.js';
import { type Owner, suiteOwner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { Prometheus, checkWithPromtool, startPrometheusIn } from '../helpers/prometheus.js';
import { scratchDir } from '../helpers/scratch.js';
import { anySnapshot } from './generators.js';
import {
  type ReadSample,
  assertSamples,
  expectedSamples,
  exponentialBuckets,
  nativeHistograms,
  sampleKey,
} from './model.js';
import { ACCEPT, exposition, familyOf, renderText, seriesOf, snapshotOf } from './render.js';
import { PROMETHEUS_2_42, PROMETHEUS_2_42_NATIVE } from './scrapers.js';
import { recordExponential } from './sdk.js';

const SEED = 20_261;
const CASES = 40;
const FORMATS = ['text', 'openmetrics', 'protobuf'] as const;
type Format = (typeof FORMATS)[number];

interface Target {
  readonly job: string;
  readonly snapshot: Snapshot;
  readonly format: Format;
}

interface NativeHistogram {
  readonly count: string;
  readonly sum: string;
  readonly buckets?: ReadonlyArray<
    readonly [boundaries: number, lower: string, upper: string, count: string]
  >;
}

interface VectorElement {
  readonly metric: Record<string, string>;
  readonly value?: readonly [number, string];
  readonly histogram?: readonly [number, NativeHistogram];
}

/** One server and one Prometheus for all cases of this file: the first scrape comes some 7 s after the start. */
describe('Prometheus 2.42', () => {
  const observed = latencies(5000);
  const owner = suiteOwner();
  /** By the path that was asked for. */
  const accepted = new Map<string, string | undefined>();
  let targets: readonly Target[] = [];
  let prometheus = new Prometheus(0);

  before(async () => {
    targets = await makeTargets(observed);
    const origin = await serve(owner, targets, accepted);
    const other = scrapeAll(owner, origin, ['without_native'], []);
    prometheus = await scrapeAll(
      owner,
      origin,
      targets.map(({ job }) => job),
      ['native-histograms'],
    );
    await other;
  });

  test('asks as the table of scrapers says', () => {
    assert.equal(accepted.get('/without_native'), PROMETHEUS_2_42.accept);
    assert.equal(accepted.get('/latency'), PROMETHEUS_2_42_NATIVE.accept);
  });

  for (const format of FORMATS) {
    test(`stores every value of ${CASES} random snapshots as ${format}`, async () => {
      for (const { job, snapshot } of targets.filter(
        (target) => target.format === format && target.job !== 'latency',
      )) {
        const where = `${job}, seed ${SEED}`;
        const read = await samplesOf(prometheus, `{job="${job}"}`);
        const dialect = format === 'openmetrics' ? 'openmetrics' : 'prometheus';
        assertSamples(read, expectedSamples(snapshot, dialect), exponentialBuckets(snapshot), where);
      }
    });
  }

  test('stores every bucket of every native histogram', async () => {
    let seen = 0;
    for (const { job, snapshot } of targets.filter(({ format }) => format === 'protobuf')) {
      const expected = nativeHistograms(snapshot);
      for (const { metric, histogram } of await query(prometheus, `{job="${job}"}`)) {
        if (histogram === undefined) continue;
        const { __name__: name = '', job: _job, instance: _instance, ...labels } = metric;
        const parts = expected.get(sampleKey(name, labels)) ?? assert.fail(`${job}: ${name}`);
        assertBuckets(histogram[1], parts, `${job}: ${name}`);
        seen += 1;
      }
    }
    assert.ok(seen > 10, `${seen} histograms`);
  });

  test('takes exactly as many samples as there are lines', async () => {
    const scraped = new Map(
      (await query(prometheus, 'scrape_samples_scraped')).map(({ metric, value }) => [
        metric['job'],
        Number(value?.[1]),
      ]),
    );
    for (const { job, snapshot, format } of targets) {
      if (format === 'protobuf') continue;
      const text = await renderText(snapshot, ACCEPT[format]);
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      assert.equal(scraped.get(job), lines.length, job);
    }
  });

  test('asks for native histograms where they are on, and computes quantiles within the width of a bucket', async () => {
    const sorted = observed.toSorted((a, b) => a - b);
    const [element] = await query(prometheus, 'latency_seconds{job="latency"}');
    assert.equal(Number(element?.histogram?.[1].count), observed.length, 'it arrived as a native histogram');
    const base = 2 ** (2 ** -unpackExponential(await recordExponential(observed)).scale);
    assert.ok(base < 1.05, `a bucket is ${base} wide`);
    for (const quantile of [0.1, 0.5, 0.9, 0.99]) {
      const [answer] = await query(
        prometheus,
        `histogram_quantile(${quantile}, latency_seconds{job="latency"})`,
      );
      const exact = sorted[Math.ceil(quantile * sorted.length) - 1] ?? Number.NaN;
      const ratio = Number(answer?.value?.[1]) / exact;
      assert.ok(ratio <= base && ratio >= 1 / base, `quantile ${quantile}: ${ratio}`);
    }
  });
});

describe('promtool check metrics', () => {
  test('reads every random text; its opinion on names is not ours to have', async () => {
    const snapshots = fc.sample(anySnapshot, { seed: SEED, numRuns: 40 });
    for (const snapshot of snapshots) {
      const text = await renderText(snapshot);
      const { status, output } = await promtool(text);
      assert.ok(status === 0 || status === 3, `${output}\n${text}`);
      assert.doesNotMatch(output, /error while linting|parsing error/, text);
    }
  });

  test('has nothing to say about well-named metrics', async () => {
    const boundaries = [0.1, 1];
    const snapshot = snapshotOf(
      [
        familyOf(
          'http.server.request.duration',
          'histogram',
          [seriesOf([['http.route', '/a']], [3, 1, 2, 3])],
          { unit: 's', help: 'Duration of HTTP server requests.', boundaries },
        ),
        familyOf('http.server.active_requests', 'updowncounter', [seriesOf([], [2])], {
          unit: '{request}',
          help: 'Active requests.',
        }),
        familyOf('disk.io', 'counter', [seriesOf([], [2])], { unit: 'By', help: 'Bytes read.' }),
        familyOf('cpu.utilization', 'gauge', [seriesOf([], [0.5])], { unit: '1', help: 'Share of time.' }),
        familyOf('queue.wait', 'exponentialhistogram', [seriesOf([], [0, 0, 1, 9, 0, 2, 0, 3, 4])], {
          unit: 's',
          help: 'Waiting time.',
        }),
      ],
      [['service.name', 'shop']],
    );
    await checkWithPromtool(await renderText(snapshot));
  });
});

/** Log-normal around 50 ms; deterministic. */
function latencies(count: number): number[] {
  let state = 42;
  const uniform = (): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return (state + 1) / 2_147_483_650;
  };
  return Array.from({ length: count }, () => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return 0.05 * Math.exp(0.8 * normal);
  });
}

async function makeTargets(observed: readonly number[]): Promise<Target[]> {
  const snapshots = fc.sample(anySnapshot, { seed: SEED, numRuns: CASES });
  const targets = snapshots.flatMap((snapshot, index) =>
    FORMATS.map((format): Target => ({ job: `case${index}_${format}`, snapshot, format })),
  );
  const family = familyOf(
    'latency',
    'exponentialhistogram',
    [seriesOf([], await recordExponential(observed))],
    { unit: 's' },
  );
  return [...targets, { job: 'latency', snapshot: snapshotOf([family]), format: 'protobuf' }];
}

/** Starts a Prometheus, and waits until it has scraped all jobs. */
async function scrapeAll(
  owner: Owner,
  origin: string,
  jobs: readonly string[],
  features: readonly string[],
): Promise<Prometheus> {
  const dir = scratchDir(owner, 'exposition');
  const config = {
    global: { scrape_interval: '2s', scrape_timeout: '2s' },
    scrape_configs: jobs.map((job) => ({
      job_name: job,
      metrics_path: `/${job}`,
      // A label of ours that is called `instance` is not renamed, so that it reads back.
      honor_labels: true,
      static_configs: [{ targets: [origin] }],
    })),
  };
  // JSON is YAML.
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const prometheus = await startPrometheusIn(owner, dir, await freePort(), features);
  await eventually(async () => {
    const { activeTargets } = await prometheus.api<{
      activeTargets: Array<{ health: string; lastError: string; labels: { job: string } }>;
    }>('targets');
    assert.equal(activeTargets.length, jobs.length);
    for (const { health, lastError, labels } of activeTargets)
      assert.equal(health, 'up', `${labels.job}: ${lastError}`);
  });
  return prometheus;
}

/** The `latency` target answers what it is asked for; the others what the case is about. */
async function serve(
  owner: Owner,
  targets: readonly Target[],
  accepted: Map<string, string | undefined>,
): Promise<string> {
  const byPath = new Map(targets.map((target) => [`/${target.job}`, target]));
  const ours = exposition();
  const server = createServer((request, response) => {
    const { url = '', headers } = request;
    accepted.set(url, headers.accept);
    const target = byPath.get(url);
    const accept = target === undefined || target.job === 'latency' ? headers.accept : ACCEPT[target.format];
    const { contentType, body } = ours.render(target?.snapshot ?? snapshotOf([]), accept);
    void collectBody(body).then((bytes) =>
      response.writeHead(200, { 'Content-Type': contentType }).end(bytes),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owner.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function query(prometheus: Prometheus, expression: string): Promise<VectorElement[]> {
  const { result } = await prometheus.api<{ result: VectorElement[] }>('query', { query: expression });
  return result;
}

/** What the specification prescribes for histograms that have none. */
const ZERO_THRESHOLD = 1e-128;

const OWN = new Set([
  'up',
  'scrape_duration_seconds',
  'scrape_samples_post_metric_relabeling',
  'scrape_samples_scraped',
  'scrape_series_added',
]);

async function samplesOf(prometheus: Prometheus, selector: string): Promise<ReadSample[]> {
  const samples: ReadSample[] = [];
  for (const { metric, value, histogram } of await query(prometheus, selector)) {
    const { __name__: name = '', job: _job, instance: _instance, ...labels } = metric;
    if (OWN.has(name)) continue;
    if (histogram === undefined)
      samples.push({ name, labels, value: Number((value?.[1] ?? '').replace('Inf', 'Infinity')) });
    else samples.push(...asClassic(name, labels, histogram[1]));
  }
  return samples;
}

/** A native histogram says in one sample what a classic one says in these. */
function asClassic(
  name: string,
  labels: Record<string, string>,
  { count, sum }: { count: string; sum: string },
): ReadSample[] {
  return [
    { name: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: Number(count) },
    { name: `${name}_count`, labels, value: Number(count) },
    { name: `${name}_sum`, labels, value: Number(sum) },
  ];
}

/**
 * Every observation lies in the bucket that ends next to it. (Where a bucket begins Prometheus says only of those beyond
 * its zero threshold.)
 */
function assertBuckets(
  { buckets = [] }: NativeHistogram,
  parts: readonly Exponential[],
  where: string,
): void {
  const counts = buckets.map(([, lower, upper, count]) => ({
    lower: Number(lower),
    upper: Number(upper),
    left: Number(count),
  }));
  const take = (value: number, count: number): void => {
    const bucket =
      value < 0
        ? counts.findLast(({ lower, upper }) => upper < 0 && lower <= value)
        : counts.find(({ upper }) => value <= upper && (value === 0 || upper !== ZERO_THRESHOLD));
    assert.ok(bucket !== undefined, `${where}: nothing holds ${value}`);
    bucket.left -= count;
  };
  for (const { scale, zeroCount, positive, negative } of parts) {
    if (zeroCount > 0) take(0, zeroCount);
    const middle = (index: number): number => 2 ** ((index + 0.5) * 2 ** -scale);
    for (const [k, count] of positive.counts.entries())
      if (count > 0) take(middle(positive.offset + k), count);
    for (const [k, count] of negative.counts.entries())
      if (count > 0) take(-middle(negative.offset + k), count);
  }
  assert.deepEqual(
    counts.filter(({ left }) => left !== 0),
    [],
    where,
  );
}

async function promtool(text: string): Promise<{ status: number | null; output: string }> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(text);
  await once(child, 'close');
  return { status: child.exitCode, output };
}
