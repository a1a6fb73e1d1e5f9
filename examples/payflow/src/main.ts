import { readSettings, SettingError } from './config/read-settings.js';
import { createService } from './start/service.js';

/** How long requests that are under way may take after a SIGTERM. Docker kills after 10 s. */
const DRAIN_MS = 8000;

async function main(): Promise<void> {
  const service = await createService(readSettings(process.env));
  const end = (signal: NodeJS.Signals): void => {
    service.app.log.info({ signal }, 'ending');
    const late = setTimeout(() => process.kill(process.pid, 'SIGKILL'), DRAIN_MS);
    late.unref();
    void service.close().then(
      () => clearTimeout(late),
      (error: unknown) => service.app.log.error({ err: error }, 'the end failed'),
    );
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  await service.start();
}

main().catch((error: unknown) => {
  const text =
    error instanceof SettingError ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`${text}\n`);
  process.exitCode = 1;
});
