import type { Cluster } from 'node:cluster';
import type * as Fs from 'node:fs';
import type * as WorkerThreads from 'node:worker_threads';

/** What the probe says about one process; written again every half second and at its end. */
export interface ProcessReport {
  readonly pid: number;
  readonly argv: readonly string[];
  readonly execArgv: readonly string[];
  readonly ageMs: number;
  /** It listens, or is a worker of a cluster. */
  readonly serves: boolean;
  readonly hasPreload: boolean;
  /** The class of the MeterProvider that is registered in OpenTelemetry's API. */
  readonly meterProvider: string | undefined;
}

/**
 * Code of a preload that reports about the process to files of a folder. It is written to a file and loaded before everything
 * else; so the function uses nothing from outside of itself.
 */
export function probeSource(folder: string): string {
  return `'use strict';\n(${String(probe)})(${JSON.stringify(folder)});\n`;
}

function probe(folder: string): void {
  const { writeFileSync } = require('node:fs') as typeof Fs;
  const { isWorker } = require('node:cluster') as Cluster;
  const { isMainThread } = require('node:worker_threads') as typeof WorkerThreads;
  if (!isMainThread) return;
  const global = globalThis as unknown as Record<symbol, unknown>;
  const report = (): void => {
    const api = global[Symbol.for('opentelemetry.js.api.1')] as { metrics?: object } | undefined;
    const text = JSON.stringify({
      pid: process.pid,
      argv: process.argv.slice(1),
      execArgv: process.execArgv,
      ageMs: Math.round(performance.now()),
      serves:
        isWorker || process.getActiveResourcesInfo().some((resource) => resource.endsWith('ServerWrap')),
      hasPreload:
        Symbol.for('@org/orchestrator/running') in global ||
        Symbol.for('@org/orchestrator/pending') in global,
      meterProvider: api?.metrics?.constructor.name,
    });
    try {
      writeFileSync(`${folder}/${process.pid}.json`, text);
    } catch {
      // The doctor has left.
    }
  };
  setInterval(report, 500).unref();
  process.on('exit', report);
}
