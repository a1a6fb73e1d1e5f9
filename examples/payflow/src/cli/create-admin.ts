import { randomBytes } from 'node:crypto';

import { Client } from 'pg';

import { readSettings } from '../config/read-settings.js';
import { hashPassword } from '../users/passwords.js';
import { command, say, UsageError } from './command.js';

/** `npm run create-admin -- <username> <email>`: the first administrator, with the password of ADMIN_PASSWORD or a random one. */
command(async () => {
  const [username, email] = process.argv.slice(2);
  if (username === undefined || email === undefined)
    throw new UsageError('usage: npm run create-admin -- <username> <email>');
  const settings = readSettings(process.env);
  const given = process.env['ADMIN_PASSWORD'];
  const password = given ?? randomBytes(18).toString('base64url');
  const client = new Client({
    host: settings.dbHost,
    port: settings.dbPort,
    user: settings.dbUser,
    password: settings.dbPassword,
    database: settings.dbName,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>(
      `INSERT INTO users (username, email, password_hash, role) VALUES ($1, $2, $3, 'admin') RETURNING id`,
      [username, email, await hashPassword(password, settings.scryptCost)],
    );
    say(`Made administrator ${username} with id ${rows[0]?.id}.`);
    if (given === undefined) say(`Password, shown only here: ${password}`);
  } finally {
    await client.end();
  }
});
