import { command, say, UsageError } from './command.js';
import { ApiClient } from './http-client.js';
import { seedUsers } from './seed-users.js';

/** `npm run seed -- [count] [url]`: users with money, whose keys are printed as JSON lines. */
command(async () => {
  const [count = '10', url = 'http://127.0.0.1:8000'] = process.argv.slice(2);
  if (!/^[1-9]\d{0,3}$/.test(count)) throw new UsageError('usage: npm run seed -- [1 to 9999] [url]');
  const client = new ApiClient(url);
  for (const user of await seedUsers(client, Number(count), 1000)) say(JSON.stringify(user));
  client.close();
});
