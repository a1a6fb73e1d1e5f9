import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Daemon } from '../helpers/daemon.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scratchDir } from '../helpers/scratch.js';
import { get } from '../helpers/scrape.js';
import { STACK_FOLDER } from './stack-folder.js';

export interface Gateway {
  /** For visitors. */
  readonly port: number;
  /** For Prometheus. */
  readonly metricsPort: number;
}

/** nginx with the configuration of the stack; only addresses and folders are those of this host. */
export async function startGateway(
  owner: Owner,
  replicas: ReadonlyArray<{ readonly app: number; readonly metrics: number }>,
): Promise<Gateway> {
  const dir = scratchDir(owner, 'nginx');
  const [port, metricsPort] = [await freePort(), await freePort()];
  const config = readFileSync(join(STACK_FOLDER, 'nginx', 'nginx.conf'), 'utf8')
    .replace(/server shop:3000(.*)/, servers(replicas.map(({ app }) => app)))
    .replace(/server shop:9464(.*)/, servers(replicas.map(({ metrics }) => metrics)))
    .replace('listen 8080', `listen 127.0.0.1:${port}`)
    .replace('listen 9464', `listen 127.0.0.1:${metricsPort}`)
    .replaceAll('/tmp/', `${dir}/`)
    // What Node gives a child as stdout cannot be opened by its name.
    .replace('/dev/stdout', join(dir, 'access.log'));
  assert.doesNotMatch(config, /shop:\d/);
  const file = join(dir, 'nginx.conf');
  writeFileSync(file, config);
  const daemon = new Daemon('nginx', ['-c', file, '-p', dir, '-e', 'stderr', '-g', 'daemon off;'], dir);
  onEnd(owner, () => daemon.stop());
  await eventually(async () => {
    daemon.assertRunning();
    assert.equal((await get(port, '/gateway-health')).status, 200);
  });
  return { port, metricsPort };
}

/** What an upstream says after a server's address stays. */
function servers(ports: readonly number[]): string {
  return ports.map((port) => `server 127.0.0.1:${port}$1`).join('\n    ');
}
