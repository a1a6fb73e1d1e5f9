import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Daemon } from './daemon.js';
import { eventually } from './eventually.js';
import { onEnd, type Owner } from './owner.js';
import { freePort } from './ports.js';
import { scratchDir } from './scratch.js';

/** One element of an instant vector. */
export interface QueryResult {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One element of a range query's answer. */
export interface RangeResult {
  readonly labels: Readonly<Record<string, string>>;
  /** Unix seconds and value. */
  readonly values: ReadonlyArray<readonly [at: number, value: number]>;
}

interface Answer<Data> {
  readonly status: string;
  readonly error?: string;
  readonly data: Data;
}

interface Vector {
  readonly result: ReadonlyArray<{ metric: Record<string, string>; value: [number, string] }>;
}

interface Matrix {
  readonly result: ReadonlyArray<{ metric: Record<string, string>; values: Array<[number, string]> }>;
}

/** A real Prometheus server that scrapes one target each second, as job `app`. */
export class Prometheus {
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  /** Evaluates an expression now. Rejects with Prometheus' own error text. */
  async query(expression: string): Promise<QueryResult[]> {
    const { result } = await this.api<Vector>('query', { query: expression });
    return result.map(({ metric, value: [, value] }) => ({ labels: metric, value: Number(value) }));
  }

  /** Evaluates an expression at every `stepSeconds` of the last `seconds`. */
  async queryRange(expression: string, seconds: number, stepSeconds: number): Promise<RangeResult[]> {
    const end = Math.floor(Date.now() / 1000);
    const range = { start: String(end - seconds), end: String(end), step: String(stepSeconds) };
    const { result } = await this.api<Matrix>('query_range', { query: expression, ...range });
    return result.map(({ metric, values }) => ({
      labels: metric,
      values: values.map(([at, value]) => [at, Number(value)] as const),
    }));
  }

  /** What `/api/v1/<path>` answers. Rejects with Prometheus' own error text. */
  async api<Data>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<Data> {
    const search = new URLSearchParams(parameters).toString();
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}?${search}`);
    const answer = (await response.json()) as Answer<Data>;
    assert.equal(answer.status, 'success', `${path} ${parameters['query'] ?? ''}: ${answer.error}`);
    return answer.data;
  }

  /** The value of an expression that yields exactly one. */
  async value(expression: string): Promise<number> {
    const [first, ...rest] = await this.query(expression);
    assert.ok(
      first !== undefined && rest.length === 0,
      `${expression} yields ${rest.length + (first ? 1 : 0)} values, not one`,
    );
    return first.value;
  }
}

export interface PrometheusOptions {
  /** Absolute paths. Default none. */
  readonly ruleFiles?: readonly string[];
  /** As `--enable-feature` wants them. Default none. */
  readonly features?: readonly string[];
}

/** Ready when it answers; its first scrape comes about 5 s later. */
export async function startPrometheus(
  owner: Owner,
  targetPort: number,
  { ruleFiles = [], features = [] }: PrometheusOptions = {},
): Promise<Prometheus> {
  const config = {
    global: { scrape_interval: '3s', scrape_timeout: '3s', evaluation_interval: '3s' },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'app', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }],
  };
  const dir = scratchDir(owner, 'prometheus');
  // JSON is YAML.
  await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config));
  return startPrometheusIn(owner, dir, await freePort(), features);
}

/** A Prometheus with the `prometheus.yml` of a folder, in which it also keeps its data. */
export async function startPrometheusIn(
  owner: Owner,
  dir: string,
  port: number,
  features: readonly string[] = [],
): Promise<Prometheus> {
  const daemon = new Daemon(
    'prometheus',
    [
      '--config.file=prometheus.yml',
      '--storage.tsdb.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
      ...features.map((feature) => `--enable-feature=${feature}`),
    ],
    dir,
  );
  onEnd(owner, () => daemon.stop('SIGKILL'));
  await eventually(async () => {
    daemon.assertRunning();
    const response = await fetch(`http://127.0.0.1:${port}/-/ready`);
    assert.equal(response.status, 200);
  });
  return new Prometheus(port);
}

/** `promtool check metrics`: throws with its complaints unless it ends with status 0. */
export async function checkWithPromtool(text: string): Promise<void> {
  await feed('promtool', ['check', 'metrics'], text);
}

export type TextFormat = 'text' | 'openmetrics';

const PARSE = `
import sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
families = {'text': text, 'openmetrics': openmetrics}[sys.argv[1]](sys.stdin.buffer.read().decode('utf-8', 'strict'))
print(sum(len(family.samples) for family in families))
`;

/** Parses with Python's client library, which is strict about OpenMetrics; the number of samples that it found. */
export async function countWithPython(text: string, format: TextFormat = 'text'): Promise<number> {
  return Number(await feed('/usr/bin/python3', ['-c', PARSE, format], text));
}

async function feed(command: string, args: readonly string[], input: string): Promise<string> {
  const child = spawn(command, args, { stdio: 'pipe' });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (output += piece.toString()));
  child.stdin.end(input);
  await once(child, 'close');
  assert.equal(child.exitCode, 0, `${command} ended with ${child.exitCode}:\n${output}`);
  return output;
}
