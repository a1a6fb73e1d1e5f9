import assert from 'node:assert/strict';

import { Daemon } from '../helpers/daemon.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { scratchDir } from '../helpers/scratch.js';

export interface FiredAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly receivers: ReadonlyArray<{ readonly name: string }>;
  readonly status: { readonly state: string };
}

/** A real Alertmanager. */
export class Alertmanager {
  readonly port: number;

  constructor(port: number) {
    this.port = port;
  }

  /** The alerts that it has been told of and that still fire. */
  async alerts(): Promise<FiredAlert[]> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v2/alerts`);
    assert.equal(response.status, 200);
    return (await response.json()) as FiredAlert[];
  }
}

/** An Alertmanager with a configuration file as it is. Resolves when it is ready. */
export async function startAlertmanager(owner: Owner, configFile: string): Promise<Alertmanager> {
  const dir = scratchDir(owner, 'alertmanager');
  const port = await freePort();
  const daemon = new Daemon(
    'prometheus-alertmanager',
    [
      `--config.file=${configFile}`,
      '--storage.path=data',
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
    dir,
  );
  onEnd(owner, () => daemon.stop('SIGKILL'));
  await eventually(async () => {
    daemon.assertRunning();
    assert.equal((await fetch(`http://127.0.0.1:${port}/-/ready`)).status, 200);
  });
  return new Alertmanager(port);
}
