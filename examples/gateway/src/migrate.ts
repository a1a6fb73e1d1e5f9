import { migrate } from './flows/database.js';
import { readSettings } from './settings/read-settings.js';

async function main(): Promise<void> {
  const settings = readSettings(process.env);
  if (settings.dbConnection === 'none') {
    process.stdout.write('DB_CONNECTION is "none": there is nothing to migrate.\n');
    return;
  }
  const applied = await migrate(settings);
  const place = `${settings.dbDatabase} at ${settings.dbHost}:${settings.dbPort}`;
  process.stdout.write(
    `${place}: ${applied.length === 0 ? 'up to date' : `applied ${applied.join(', ')}`}\n`,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message || String(error)}\n`);
  process.exitCode = 1;
});
