'use strict';
// The shop's HTTP service. Nothing in it is about metrics.

const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');

const express = require('express');

const { pool, prepare } = require('./database.js');
const { log } = require('./log.js');

const PORT = Number(process.env.PORT || 3000);
/** Where recommendations are asked for: another service in a larger shop, here one of its own kind. */
const CATALOG_URL = process.env.CATALOG_URL || `http://127.0.0.1:${PORT}`;

const app = express();
app.disable('x-powered-by');
app.use(express.json());

app.get('/healthz', (request, response) => response.send('ok\n'));

app.get('/', (request, response) => response.send('The shop.\n'));

app.get('/products', async (request, response) => {
  const { rows } = await pool.query('SELECT id, name FROM products ORDER BY id');
  response.json(rows);
});

app.get('/products/:id', async (request, response) => {
  // A fault to be found on the dashboards.
  if (request.params.id === '13') throw new Error('Product 13 brings bad luck.');
  const { rows } = await pool.query('SELECT id, name FROM products WHERE id = $1', [
    Number.parseInt(request.params.id, 10) || 0,
  ]);
  if (rows.length === 0) return response.status(404).json({ error: 'No such product.' });
  response.json(rows[0]);
});

app.post('/orders', async (request, response) => {
  const product = Number(request.body?.product);
  if (!Number.isInteger(product)) return response.status(400).json({ error: 'Which product?' });
  const { rows } = await pool.query('INSERT INTO orders (product) VALUES ($1) RETURNING id', [product]);
  log.info({ order: rows[0].id, product }, 'ordered');
  response.status(201).json(rows[0]);
});

app.get('/recommendations', async (request, response) => {
  const answer = await fetch(`${CATALOG_URL}/products`, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`The catalog answered ${answer.status}.`);
  const products = await answer.json();
  response.json(products.slice(0, 3));
});

app.get('/search', async (request, response) => {
  await sleep(20 + Math.random() * 180);
  // A word that is given twice is a list.
  const word = typeof request.query.q === 'string' ? request.query.q : '';
  const { rows } = await pool.query('SELECT id, name FROM products WHERE name ILIKE $1', [`%${word}%`]);
  response.json(rows);
});

// Express knows an error handler by its four parameters.
app.use((error, request, response, _next) => {
  log.error({ err: error, url: request.originalUrl }, 'request failed');
  response.status(500).json({ error: 'Internal error.' });
});

async function main() {
  await prepare();
  const server = app.listen(PORT, process.env.HOST || '127.0.0.1');
  await once(server, 'listening');
  log.info({ port: server.address().port }, 'listening');
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      log.info({ signal }, 'closing');
      server.close(() => void pool.end());
      server.closeIdleConnections();
    });
  }
}

main().catch((error) => {
  log.fatal({ err: error }, 'could not start');
  process.exitCode = 1;
});
