import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { startApp, type AppProcess, type Environment } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import type { Owner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { startRedis, type RedisServer, type RedisServerOptions } from '../../helpers/redis.js';
import { PACKAGE_ROOT, scratchDir } from '../../helpers/scratch.js';
import { runOrchestrator } from '../program.js';
import type { Finding, FindingName } from '../../../src/cli/doctor/findings.js';

/** A project in which nothing is wrong: its folder, its settings, a process that runs. */
export interface Bench {
  readonly folder: string;
  readonly env: Record<string, string>;
  readonly port: number;
}

export interface RedisBench extends Bench {
  readonly redis: RedisServer;
  readonly app: AppProcess;
}

/** The folder of an application with the package as npm installs it. */
export function applicationFolder(owner: Owner, name = 'shop'): string {
  const folder = join(scratchDir(owner, 'doctor'), name);
  writeFiles(folder, {
    'package.json': JSON.stringify({
      name,
      version: '1.0.0',
      scripts: { start: 'node --require @org/orchestrator/register app.js', test: 'node --test' },
    }),
  });
  mkdirSync(join(folder, 'node_modules', '@org'), { recursive: true });
  symlinkSync(PACKAGE_ROOT, join(folder, 'node_modules', '@org', 'orchestrator'));
  return folder;
}

export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** An installed package, as far as its version goes. */
export function installed(folder: string, path: string, version: string): void {
  const name = path.replace(/^.*node_modules\//, '');
  writeFiles(folder, { [`node_modules/${path}/package.json`]: JSON.stringify({ name, version }) });
}

/** A project `shop` in a Redis of its own, with one process that has written. */
export async function redisBench(owner: Owner, options: RedisServerOptions = {}): Promise<RedisBench> {
  const redis = await startRedis(owner, options);
  const port = await freePort();
  const env = {
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_REDIS_URL: redis.url,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0',
  };
  const app = startApp(owner, 'server.cjs', { env });
  await app.number('listening');
  await untilServed(port);
  return { folder: applicationFolder(owner), env, port, redis, app };
}

export async function untilServed(port: number): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.match(await response.text(), /^orchestrator_instances [1-9]/m);
  });
}

export interface Diagnosis {
  readonly code: number | null;
  readonly names: readonly FindingName[];
  readonly findings: readonly Finding[];
  readonly stderr: string;
  readonly settings: ReadonlyArray<{
    readonly variable: string;
    readonly value: string;
    readonly source: string;
  }>;
}

export interface Visit {
  readonly env?: Environment;
  readonly args?: readonly string[];
  /** Of the application behind `--`. */
  readonly application?: readonly string[];
  readonly folder?: string;
  /** What starts the program, if not the shell itself. */
  readonly before?: readonly string[];
}

/** Runs `doctor --json` in the bench's folder, with what is changed. */
export async function examine(owner: Owner, bench: Bench, visit: Visit = {}): Promise<Diagnosis> {
  const { env = {}, args = [], application, folder = bench.folder, before = [] } = visit;
  const words = ['doctor', ...args, '--json', ...(application === undefined ? [] : ['--', ...application])];
  const ending = await runOrchestrator(owner, words, {
    cwd: folder,
    env: { ...bench.env, ...env },
    before,
  });
  assert.match(ending.stdout, /^\{/, ending.stderr);
  const { findings, settings } = JSON.parse(ending.stdout) as Pick<Diagnosis, 'findings' | 'settings'>;
  for (const one of findings)
    for (const text of [one.what, one.why, one.fix])
      assert.match(text, /^[^<]+(?:<(?:user|name)>[^<]*)*$/, `a value is missing: ${text}`);
  return {
    code: ending.code,
    findings,
    settings,
    names: findings.map(({ name }) => name),
    stderr: ending.stderr,
  };
}

/** The findings are these and no others, and the exit code is theirs. */
export function assertFound(diagnosis: Diagnosis, ...names: readonly FindingName[]): void {
  const list = diagnosis.findings.map(({ name, what }) => `${name}: ${what}`).join('\n');
  assert.deepEqual(diagnosis.names.toSorted(), [...names].toSorted(), list);
  const isBroken = diagnosis.findings.some(({ severity }) => severity === 'broken');
  assert.equal(diagnosis.code, isBroken ? 2 : names.length > 0 ? 1 : 0);
}
