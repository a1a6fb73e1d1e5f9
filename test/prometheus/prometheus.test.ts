import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import * as fc from 'fast-check';

import { collectBody } from '../../src/prometheus/exposition.js';
import type { Snapshot } from '../../src/store/metric-store.js';
import { Daemon } from '../helpers/daemon.js';
import { eventually } from '../helpers/eventually.js';
import type { Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { checkWithPromtool } from '../helpers/prometheus.js';
import { scratchDir } from '../helpers/scratch.js';
import { anySnapshot } from './generators.js';
import { type ReadSample, assertSamples, expectedSamples, exponentialBuckets } from './model.js';
import { ACCEPT, exposition, familyOf, renderText, seriesOf, snapshotOf } from './render.js';
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

interface VectorElement {
  readonly metric: Record<string, string>;
  readonly value?: readonly [number, string];
  readonly histogram?: readonly [number, { readonly count: string; readonly sum: string }];
}

/** One server and one Prometheus for all cases of this file: the first scrape comes some 7 s after the start. */
describe('Prometheus 2.42', () => {
  const observed = latencies(5000);
  let targets: readonly Target[] = [];
  let port = 0;

  // `after` inside a hook belongs to the hook.
  const releases: Array<() => void | Promise<void>> = [];
  const owner: Owner = { after: (release) => releases.unshift(release) };
  after(async () => {
    for (const release of releases) await release();
  });

  before(async () => {
    targets = await makeTargets(observed);
    port = await scrapeAll(owner, targets);
  });

  for (const format of FORMATS) {
    test(`stores every value of ${CASES} random snapshots as ${format}`, async () => {
      for (const { job, snapshot } of targets.filter(
        (target) => target.format === format && target.job !== 'latency',
      )) {
        const where = `${job}, seed ${SEED}`;
        const read = await samplesOf(port, `{job="${job}"}`);
        const dialect = format === 'openmetrics' ? 'openmetrics' : 'prometheus';
        assertSamples(read, expectedSamples(snapshot, dialect), exponentialBuckets(snapshot), where);
      }
    });
  }

  test('takes exactly as many samples as there are lines', async () => {
    const scraped = new Map(
      (await query(port, 'scrape_samples_scraped')).map(({ metric, value }) => [
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
    const [element] = await query(port, 'latency_seconds{job="latency"}');
    assert.equal(Number(element?.histogram?.[1].count), observed.length, 'it arrived as a native histogram');
    for (const quantile of [0.1, 0.5, 0.9, 0.99]) {
      const [answer] = await query(port, `histogram_quantile(${quantile}, latency_seconds{job="latency"})`);
      const exact = sorted[Math.ceil(quantile * sorted.length) - 1] ?? Number.NaN;
      const ratio = Number(answer?.value?.[1]) / exact;
      // At most 160 buckets over this range give a scale of at least 3.
      const base = 2 ** (2 ** -3);
      assert.ok(ratio <= base && ratio >= 1 / base, `quantile ${quantile}: ${ratio}`);
    }
  });
});

describe('promtool check metrics', () => {
  test('reads every random text; its opinion on names is not ours to have', async () => {
    const snapshots = fc.sample(anySnapshot, { seed: SEED, numRuns: 12 });
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

/** Serves the targets, starts a Prometheus, and waits until it has scraped all of them. Its port. */
async function scrapeAll(owner: Owner, targets: readonly Target[]): Promise<number> {
  const origin = await serve(owner, targets);
  const dir = scratchDir(owner, 'exposition');
  const port = await freePort();
  const config = {
    global: { scrape_interval: '2s', scrape_timeout: '2s' },
    scrape_configs: targets.map(({ job }) => ({
      job_name: job,
      metrics_path: `/${job}`,
      // A label of ours that is called `instance` is not renamed, so that it reads back.
      honor_labels: true,
      static_configs: [{ targets: [origin] }],
    })),
  };
  // JSON is YAML.
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const daemon = new Daemon(
    'prometheus',
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=native-histograms',
      '--log.level=error',
    ],
    dir,
  );
  owner.after(() => daemon.stop('SIGKILL'));
  await eventually(async () => {
    daemon.assertRunning();
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/targets`);
    const { data } = (await response.json()) as {
      data: { activeTargets: Array<{ health: string; lastError: string; labels: { job: string } }> };
    };
    assert.equal(data.activeTargets.length, targets.length);
    for (const { health, lastError, labels } of data.activeTargets)
      assert.equal(health, 'up', `${labels.job}: ${lastError}`);
  });
  return port;
}

/** The `latency` target answers what it is asked for; the others what the case is about. */
async function serve(owner: Owner, targets: readonly Target[]): Promise<string> {
  const byPath = new Map(targets.map((target) => [`/${target.job}`, target]));
  const ours = exposition();
  const server = createServer((request, response) => {
    const target = byPath.get(request.url ?? '');
    if (target === undefined) return void response.writeHead(404).end();
    const accept = target.job === 'latency' ? request.headers.accept : ACCEPT[target.format];
    const { contentType, body } = ours.render(target.snapshot, accept);
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

async function query(port: number, expression: string): Promise<VectorElement[]> {
  const response = await fetch(
    `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(expression)}`,
  );
  const { status, error, data } = (await response.json()) as {
    status: string;
    error?: string;
    data: { result: VectorElement[] };
  };
  assert.equal(status, 'success', error);
  return data.result;
}

const OWN = new Set([
  'up',
  'scrape_duration_seconds',
  'scrape_samples_post_metric_relabeling',
  'scrape_samples_scraped',
  'scrape_series_added',
]);

async function samplesOf(port: number, selector: string): Promise<ReadSample[]> {
  const samples: ReadSample[] = [];
  for (const { metric, value, histogram } of await query(port, selector)) {
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

async function promtool(text: string): Promise<{ status: number | null; output: string }> {
  const child = spawn('promtool', ['check', 'metrics'], { stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(text);
  await once(child, 'close');
  return { status: child.exitCode, output };
}
