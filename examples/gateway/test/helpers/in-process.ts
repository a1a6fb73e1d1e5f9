import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import pino from 'pino';
import { stringify } from 'yaml';

import { Gateway } from '../../src/server/gateway.js';
import { readSettings } from '../../src/settings/read-settings.js';
import { scratch } from './scratch.js';

/** A gateway in the process of the test, for what needs no process of its own. */
export interface InProcess {
  readonly url: string;
  readonly gateway: Gateway;
  /** What it has logged. */
  readonly lines: string[];
  readonly configFile: string;
  reload(config: object): void;
  stop(): Promise<void>;
}

export async function startInProcess(
  config: object,
  env: Readonly<Record<string, string>> = {},
): Promise<InProcess> {
  const configFile = join(scratch(), 'gateway.config.yaml');
  writeFileSync(configFile, stringify(config));
  const lines: string[] = [];
  const log = pino(
    { level: 'info', formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => void lines.push(line) },
  );
  const settings = readSettings({
    PORT: '0',
    DB_CONNECTION: 'none',
    GATEWAY_CONFIG: configFile,
    SHUTDOWN_DRAIN_MS: '0',
    SHUTDOWN_TIMEOUT_MS: '1000',
    ...env,
  });
  const gateway = new Gateway(settings, log);
  const url = await gateway.start();
  return {
    url,
    gateway,
    lines,
    configFile,
    reload(next) {
      writeFileSync(configFile, stringify(next));
      gateway.reload();
    },
    stop: () => gateway.stop(),
  };
}
