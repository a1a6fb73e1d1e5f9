import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { build } from 'esbuild';

import { PRELOAD, startProgram } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { scrape } from '../helpers/scrape.js';

const LISTEN = "listen(0, '127.0.0.1', function () { console.log('listening', this.address().port); })";

const EXPRESS = `const express = require('express'); const app = express(); const tenant = express.Router();
tenant.get('/orders/:order', (request, response) => response.send('o'));
tenant.get('/fail', (request, response, next) => next(new Error('planned')));
app.get('/plain/:id', (request, response) => response.send('p'));
app.use('/tenants/:tenant', tenant); app.${LISTEN};`;

const KOA = `const Koa = require('koa'); const { Router } = require('@koa/router'); const router = new Router();
router.get('/users/:name', (context) => { context.body = 'u'; });
new Koa().use(router.routes()).${LISTEN};`;

/** The route of each series of the server's duration, and how often it was counted, after these requests to a bundle. */
async function routesOf(t: TestContext, source: string, paths: readonly string[]): Promise<unknown> {
  const dir = scratchDir(t, 'bundle');
  const file = join(dir, 'bundle.cjs');
  const stdin = { contents: source, resolveDir: PACKAGE_ROOT };
  await build({ stdin, bundle: true, platform: 'node', outfile: file, logLevel: 'silent' });
  writeFileSync(join(dir, 'package.json'), '{"name":"bundled"}');
  const metricsPort = await freePort();
  const app = startProgram(t, process.execPath, ['--require', PRELOAD, file], {
    cwd: dir,
    env: { ORCHESTRATOR_STORE: 'memory', OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort) },
  });
  const port = await app.number('listening');
  for (const path of paths) await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  return eventually(async () => {
    const shown = await scrape(metricsPort);
    const count = 'http_server_request_duration_seconds_count';
    assert.equal(shown.sum(count), paths.length);
    assert.match(app.stderr, /ORCHESTRATOR_BUNDLE warn: /);
    return Object.fromEntries(
      shown.samples(count).map(({ labels, value }) => [labels['http_route'] ?? 'none', value]),
    );
  });
}

describe('of a bundled framework no name in a path becomes a route:', { concurrency: true }, () => {
  test('Express has its patterns, and a mark for mounts', async (t) => {
    const paths = ['/tenants/acme/orders/5', '/tenants/globex/orders/6', '/tenants/acme/fail', '/plain/7'];
    assert.deepEqual(await routesOf(t, EXPRESS, paths), {
      '/{mount}/orders/:order': 2,
      '/{mount}/fail': 1,
      '/plain/:id': 1,
    });
  });

  test('Koa has no route', async (t) => {
    assert.deepEqual(await routesOf(t, KOA, ['/users/alice', '/users/bob']), { none: 2 });
  });
});
