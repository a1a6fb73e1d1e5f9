import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Daemon } from './daemon.js';

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

/** A Prometheus that scrapes the service through nginx, where either instance answers with the sum of both. */
export class PrometheusServer {
  readonly port: number;
  readonly daemon: Daemon;

  constructor(port: number, daemon: Daemon) {
    this.port = port;
    this.daemon = daemon;
  }

  /** An instant vector. @throws Error with Prometheus' own words */
  async query(expression: string): Promise<readonly Sample[]> {
    const search = new URLSearchParams({ query: expression });
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/query?${search.toString()}`);
    const answer = (await response.json()) as { status: string; error?: string; data: { result: Sample[] } };
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }
}

export async function startPrometheus(
  parent: string,
  port: number,
  targetPort: number,
  ruleFiles: readonly string[],
  intervalSeconds = 5,
): Promise<PrometheusServer> {
  const dir = join(parent, 'prometheus');
  mkdirSync(dir, { recursive: true });
  const interval = `${intervalSeconds}s`;
  const config = {
    global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
    rule_files: ruleFiles,
    scrape_configs: [{ job_name: 'payflow', static_configs: [{ targets: [`127.0.0.1:${targetPort}`] }] }],
  };
  // JSON is YAML.
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  const args = [
    '--config.file=prometheus.yml',
    '--storage.tsdb.path=data',
    `--web.listen-address=127.0.0.1:${port}`,
  ];
  const daemon = new Daemon('prometheus', 'prometheus', [...args, '--log.level=warn'], { dir });
  await daemon.until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/-/ready`);
    if (!response.ok) throw new Error(`Prometheus answers ${response.status}`);
  });
  return new PrometheusServer(port, daemon);
}
