import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { stringify } from 'yaml';

import { freePort, Program } from '../../demo/program.js';
import { scratch } from './scratch.js';

/** Compiled code lies in dist/test/helpers. */
export const ROOT = join(__dirname, '../../..');

export interface GatewayOptions {
  /** Content of the configuration file. */
  readonly config?: object;
  /** Its path; goes before `config`. */
  readonly configFile?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A gateway as a process of its own, with the preload, as its README starts it. */
export class GatewayProcess {
  readonly configFile: string;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #program: Program | undefined;
  #url = '';

  private constructor(configFile: string, env: Readonly<Record<string, string | undefined>>) {
    this.configFile = configFile;
    this.#env = env;
  }

  static async start(options: GatewayOptions = {}): Promise<GatewayProcess> {
    const gateway = await GatewayProcess.prepare(options);
    await gateway.launch();
    return gateway;
  }

  /** Without starting it. */
  static async prepare({ config = {}, configFile, env = {} }: GatewayOptions = {}): Promise<GatewayProcess> {
    const file = configFile ?? join(scratch(), 'gateway.config.yaml');
    if (configFile === undefined) writeFileSync(file, stringify(config));
    const port = String(await freePort());
    return new GatewayProcess(file, {
      PATH: process.env['PATH'],
      TMPDIR: scratch(),
      HOST: '127.0.0.1',
      PORT: '0',
      DB_CONNECTION: 'none',
      GATEWAY_CONFIG: file,
      ORCHESTRATOR_PREFIX: 'gateway',
      OTEL_EXPORTER_PROMETHEUS_PORT: port,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      SHUTDOWN_DRAIN_MS: '0',
      ...env,
    });
  }

  get url(): string {
    return this.#url;
  }

  get port(): number {
    return Number(new URL(this.#url).port);
  }

  get pid(): number {
    return this.program.child.pid ?? 0;
  }

  get output(): string {
    return this.program.output;
  }

  get program(): Program {
    if (this.#program === undefined) throw new Error('the gateway was not launched');
    return this.#program;
  }

  /** Port of the orchestrator's own server. */
  get metricsPort(): number {
    return Number(this.#env['OTEL_EXPORTER_PROMETHEUS_PORT']);
  }

  async launch(): Promise<void> {
    const program = this.spawn();
    this.#url = await program.until(() => {
      const address = /"address":"([^"]+)"/.exec(program.output)?.[1];
      if (address === undefined) throw new Error('the gateway does not listen');
      return address;
    });
  }

  /** Without waiting until it listens. */
  spawn(): Program {
    const args = ['--require', '@org/orchestrator/register', 'dist/src/main.js'];
    this.#program = new Program(process.execPath, { args, cwd: ROOT, env: this.#env });
    return this.#program;
  }

  /** Writes another configuration, and tells the process of it. */
  reload(config: object): void {
    writeFileSync(this.configFile, stringify(config));
    this.program.signal('SIGHUP');
  }

  /** Resolves when the log has it. */
  async logged(pattern: RegExp, from = 0): Promise<void> {
    await this.program.until(() => {
      if (!pattern.test(this.output.slice(from))) throw new Error(`the log has no ${pattern}`);
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.#program?.stop(signal);
  }

  /** All samples of `/metrics`: name with labels -> value. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const response = await fetch(`${this.#url}/metrics`);
    const text = await response.text();
    if (response.status !== 200)
      throw new Error(`/metrics answered ${response.status}: ${text.slice(0, 300)}`);
    return samplesOf(text);
  }

  /** The sum of the samples of a name whose labels have all of these. */
  async sum(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await this.metrics(), name, labels);
  }
}

export function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const end = line.lastIndexOf(' ');
    if (end > 0 && !line.startsWith('#')) samples.set(line.slice(0, end), Number(line.slice(end + 1)));
  }
  return samples;
}

export function sumOf(
  samples: ReadonlyMap<string, number>,
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  let sum = 0;
  for (const [sample, value] of samples) {
    if (sample !== name && !sample.startsWith(`${name}{`)) continue;
    if (
      wanted.every((text) =>
        new RegExp(`[{,]${text.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)}[,}]`).test(sample),
      )
    )
      sum += value;
  }
  return sum;
}
