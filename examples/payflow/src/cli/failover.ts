import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';

import { readSettings } from '../config/read-settings.js';
import { command, say, UsageError } from './command.js';
import { failOverFenced, PrimaryAnswersError } from './failover-plan.js';

/**
 * `npm run failover -- --fence '<command>'`: runs the command that makes sure that the old primary is down and stays down
 * (`docker compose stop postgres-primary`), then promotes a replica. DB_ADMIN_USER and DB_ADMIN_PASSWORD are a superuser's.
 */
command(async () => {
  const { values } = parseArgs({ options: { fence: { type: 'string' } } });
  if (values.fence === undefined)
    throw new UsageError(
      `usage: npm run failover -- --fence '<command that stops the old primary for good>'`,
    );
  const { status } = spawnSync('sh', ['-c', values.fence], { stdio: 'inherit' });
  if (status !== 0) throw new UsageError(`the command of --fence ended with ${status}: nothing was promoted`);
  const settings = readSettings(process.env);
  const nodes = [{ host: settings.dbHost, port: settings.dbPort }, ...settings.replicas];
  const credentials = {
    user: process.env['DB_ADMIN_USER'] ?? settings.dbUser,
    password: process.env['DB_ADMIN_PASSWORD'] ?? settings.dbPassword,
  };
  const report = await failOverFenced(nodes, credentials).catch((error: unknown) => {
    if (error instanceof PrimaryAnswersError) throw new UsageError(`${error.message}: nothing was promoted`);
    throw error;
  });
  say(`Promoted ${report.promoted}. It is followed by ${report.repointed.join(', ') || 'nobody'}.`);
});
