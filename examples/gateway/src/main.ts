import cluster from 'node:cluster';

import { ConfigError } from './config/load-config.js';
import { Gateway } from './server/gateway.js';
import { readSettings, SettingsError } from './settings/read-settings.js';
import { createLog } from './telemetry/log.js';

/** Set up wrongly: starting again would not help (sysexits.h). */
const EX_CONFIG = 78;

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  const log = createLog(settings);
  const gateway = new Gateway(settings, log);
  const address = await gateway.start();
  log.info({ address, config: settings.config }, 'listening');
  process.on('SIGHUP', () => gateway.reload());
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'closing');
      void gateway
        .stop()
        .then(
          () => log.info('closed'),
          (error: unknown) => log.error({ err: error }, 'could not close in order'),
        )
        .finally(leave);
    });
  }
  // PM2 waits for it before it ends the process that this one replaces.
  process.send?.('ready');
}

/** The channel to a process manager would keep this process alive until it is killed. */
function leave(): void {
  if (cluster.worker !== undefined) cluster.worker.disconnect();
  else if (process.connected) process.disconnect();
}

main().catch((error: unknown) => {
  const known = error instanceof SettingsError || error instanceof ConfigError;
  process.stderr.write(`${known ? error.message : String((error as Error).stack)}\n`);
  process.exitCode = known ? EX_CONFIG : 1;
  // What was opened before the failure must not keep the process alive; there is nothing to end in order.
  setImmediate(() => process.exit());
});
