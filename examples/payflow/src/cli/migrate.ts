import { readSettings } from '../config/read-settings.js';
import { command, say } from './command.js';
import { migrateDatabase } from './migrate-database.js';

/** `npm run migrate`: brings the database of the settings to the newest version. */
command(async () => {
  const {
    dbHost: host,
    dbPort: port,
    dbUser: user,
    dbPassword: password,
    dbName: database,
  } = readSettings(process.env);
  const count = await migrateDatabase({ host, port, user, password, database });
  say(count === 0 ? 'Nothing to migrate.' : `Ran ${count} migration${count === 1 ? '' : 's'}.`);
});
