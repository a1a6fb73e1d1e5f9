import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { Daemon } from './daemon.js';

/** The folder of package.json. */
export const ROOT = resolve(__dirname, '../..');

/** How gauges of several instances become one number; everything else is a sum. */
export const GAUGE_AGGREGATION = 'payflow.ledger.*=last,payflow.*=max';

/** One instance of the service with metrics, ready to take requests. */
export async function startInstance(
  parent: string,
  name: string,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<Daemon> {
  const dir = join(parent, name);
  mkdirSync(dir, { recursive: true });
  const args = ['--require', '@org/orchestrator/register', join(ROOT, 'dist/src/main.js')];
  const inherited = Object.fromEntries(
    ['PATH', 'HOME', 'TMPDIR', 'TZ'].map((variable) => [variable, process.env[variable]]),
  );
  const daemon = new Daemon(name, process.execPath, args, {
    dir,
    cwd: ROOT,
    env: { ...inherited, PORT: String(port), ...env },
  });
  await daemon.until(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/health/live`);
    if (!response.ok) throw new Error(`${name} answers ${response.status}`);
  });
  return daemon;
}
