'use strict';

const { Pool } = require('pg');

const PRODUCTS = ['Lamp', 'Chair', 'Table', 'Shelf', 'Carpet', 'Mirror', 'Clock', 'Vase'];

// In parts, because a pool that only knows a connection string has no name in its metrics.
const url = new URL(process.env.DATABASE_URL || 'postgres://shop@127.0.0.1:5432/shop');
const pool = new Pool({
  host: url.hostname,
  port: Number(url.port || 5432),
  database: url.pathname.slice(1),
  user: decodeURIComponent(url.username),
  password: decodeURIComponent(url.password),
  max: 5,
  connectionTimeoutMillis: 5000,
});
// A connection that breaks while nobody uses it is replaced; without a listener it would end the process.
pool.on('error', () => {});

exports.pool = pool;

/** Creates the tables unless they are there. Several processes may try at once. */
exports.prepare = async () => {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock(42)');
    await client.query('CREATE TABLE IF NOT EXISTS products (id integer PRIMARY KEY, name text NOT NULL)');
    await client.query(
      `CREATE TABLE IF NOT EXISTS orders (
         id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
         product integer NOT NULL,
         ordered timestamptz NOT NULL DEFAULT now(),
         shipped timestamptz
       )`,
    );
    await client.query('CREATE INDEX IF NOT EXISTS orders_waiting ON orders (id) WHERE shipped IS NULL');
    await client.query(
      'INSERT INTO products SELECT id, name FROM unnest($1::text[]) WITH ORDINALITY AS p(name, id) ON CONFLICT DO NOTHING',
      [PRODUCTS],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
};
