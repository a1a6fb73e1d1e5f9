import { readSettings, SettingError } from './config/read-settings.js';
import { createService } from './start/service.js';

/** How long connections are closed one by one, after their next request, before those that are idle are. */
const GRACE_MS = 1000;
/** How long requests that are under way may take after a SIGTERM. Docker kills after 10 s. */
const DRAIN_MS = 8000;
/**
 * How long the process may live on when all is closed: an exporter of traces whose receiver is away tries again for ten seconds and
 * more, and Docker would kill. Metrics are sent at the exit.
 */
const LAST_MS = 3000;

async function main(): Promise<void> {
  const service = await createService(readSettings(process.env));
  const end = (signal: NodeJS.Signals): void => {
    service.app.log.info({ signal }, 'ending');
    const late = setTimeout(() => process.kill(process.pid, 'SIGKILL'), DRAIN_MS);
    late.unref();
    const closed = service.drain(GRACE_MS).then(async () => service.close());
    void closed.then(
      () => {
        clearTimeout(late);
        setTimeout(() => process.exit(), LAST_MS).unref();
      },
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
