import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { PRELOAD, startProgram, type AppProcess } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { freePort } from '../helpers/ports.js';
import { scrape } from '../helpers/scrape.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';

const API = JSON.stringify(join(PACKAGE_ROOT, 'node_modules/@opentelemetry/api'));

/** Says at its end how many files of OpenTelemetry's SDK it has loaded. */
const SAYS_SDK = `process.on('exit', () => console.log(Object.keys(require.cache).filter((file) => file.includes('/sdk-metrics/')).length + ' files of the SDK'));`;

interface Program {
  /** The main file, below the folder of an application called `shop`. Default: code on the command line. */
  readonly file?: string;
  readonly code: string;
  /** Options of Node. */
  readonly options?: readonly string[];
}

async function run(t: TestContext, { file, code, options = [] }: Program) {
  const root = scratchDir(t, 'program');
  writeFileSync(join(root, 'package.json'), '{"name": "shop"}');
  const store = join(root, 'store');
  mkdirSync(store, { mode: 0o700 });
  if (file !== undefined) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), code);
  }
  const port = await freePort();
  const app = startProgram(
    t,
    process.execPath,
    ['--require', PRELOAD, ...options, ...(file === undefined ? ['--eval', code] : [join(root, file)])],
    {
      cwd: root,
      env: {
        ORCHESTRATOR_LOCAL_DIR: store,
        OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
        OTEL_METRIC_EXPORT_INTERVAL: '300',
        // For `fetch`, which does not ask ports like 1 at all.
        CLOSED_PORT: String(await freePort()),
      },
    },
  );
  return { app, port, project: join(store, 'shop') };
}

function ours(app: AppProcess): string[] {
  return app.stderr.split('\n').filter((line) => line.startsWith('[orchestrator]'));
}

const TOOL = 'node_modules/tool/bin/tool.js';

describe('is no application, prints nothing, takes no port, and is no instance:', () => {
  const programs: Readonly<Record<string, Program>> = {
    'code that ends in order': { code: SAYS_SDK },
    'a script that ends in order': { file: 'scripts/build.js', code: SAYS_SDK },
    'a script that waits a little': {
      file: 'scripts/build.js',
      code: `${SAYS_SDK} setTimeout(() => {}, 100);`,
    },
    'node --check': {
      file: 'app.js',
      code: 'require("node:http").createServer().listen(0);',
      options: ['--check'],
    },
    'a compiler that watches': { file: TOOL, code: `${SAYS_SDK} setTimeout(() => {}, 1700);` },
    'a tool that fails': { file: TOOL, code: `${SAYS_SDK} process.exitCode = 2;` },
    'a tool that asks a server': {
      file: TOOL,
      code: `${SAYS_SDK} require('node:http').get('http://127.0.0.1:1').on('error', () => {});`,
    },
    'a launcher that talks to its children by a socket': {
      file: TOOL,
      code: `${SAYS_SDK}
        const server = require('node:net').createServer().listen(require('node:path').join(process.cwd(), 'socket'));
        setTimeout(() => server.close(), 1700);`,
    },
  };
  for (const [name, program] of Object.entries(programs)) {
    test(name, async (t) => {
      const { app, project } = await run(t, program);
      const { stdout } = await app.ending;
      assert.deepEqual(ours(app), []);
      if (program.options === undefined) assert.match(stdout, /^0 files of the SDK$/m);
      assert.equal(existsSync(project), false, 'nothing was stored');
    });
  }
});

describe('is noticed, however short it lived: an application', () => {
  const programs: Readonly<Record<string, Program>> = {
    'that ends with a code': { file: 'app.js', code: 'process.exit(3);' },
    'that throws': { file: 'app.js', code: 'throw new Error("broken");' },
    'that rejects': { file: 'app.mjs', code: 'await Promise.reject(new Error("broken"));' },
    'that is told to end': {
      file: 'app.js',
      code: 'setInterval(() => {}, 1000); process.kill(process.pid, "SIGTERM");',
    },
    'that records something of its own': {
      file: 'app.js',
      code: `require(${API}).metrics.getMeter('app').createCounter('orders').add(1);`,
    },
    'that asks a server': {
      file: 'app.js',
      code: `require('node:http').get('http://127.0.0.1:1').on('error', () => {});`,
    },
    'that fetches': {
      file: 'app.js',
      code: `fetch('http://127.0.0.1:' + process.env.CLOSED_PORT).catch(() => {});`,
    },
    'that lives for longer than a second': { file: 'app.js', code: 'setTimeout(() => {}, 1700);' },
    'that listens': {
      file: 'app.js',
      code: `require('node:http').createServer().listen(0, function () { this.close(); });`,
    },
  };
  for (const [name, program] of Object.entries(programs)) {
    test(name, async (t) => {
      const { app } = await run(t, program);
      await app.ending;
      assert.equal(ours(app).length, 1, app.stderr);
      assert.match(ours(app)[0] ?? '', /^\[orchestrator\] \d+\.\d+\.\d+ shop: store local/);
    });
  }

  test('and ends by the signal that it would have ended by', async (t) => {
    const { app } = await run(t, {
      code: 'setInterval(() => {}, 1000); process.kill(process.pid, "SIGINT");',
    });
    const { signal } = await app.ending;
    assert.equal(signal, 'SIGINT');
  });
});

test('what was recorded and asked before the start is counted', async (t) => {
  const code = `
    const { metrics } = require(${API});
    const meter = metrics.getMeter('app');
    const orders = meter.createCounter('orders');
    meter.createObservableGauge('depth').addCallback((result) => result.observe(7));
    const [size, open] = ['size', 'open'].map((name) => meter.createObservableUpDownCounter(name));
    meter.addBatchObservableCallback((result) => { result.observe(size, 3); result.observe(open, 4); }, [size, open]);
    const wait = meter.createHistogram('wait', { unit: 's' });
    const late = () => metrics.getMeter('app').createCounter('late').add(5);
    for (let time = 0; time < 3; time++) orders.add(2, { country: 'NL' });
    wait.record(0.3);
    late();
    fetch('http://127.0.0.1:' + process.env.CLOSED_PORT).catch(() => setInterval(() => {}, 1000));`;
  const { port } = await run(t, { file: 'app.js', code });
  await eventually(async () => {
    const seen = await scrape(port);
    assert.equal(seen.sum('orders_total', { country: 'NL' }), 6);
    assert.equal(seen.sum('late_total'), 5);
    assert.equal(seen.sum('depth'), 7);
    assert.equal(seen.sum('size'), 3);
    assert.equal(seen.sum('open'), 4);
    assert.equal(seen.sum('wait_seconds_count'), 1);
    assert.equal(seen.sum('wait_seconds_bucket', { le: '0.25' }), 0, 'boundaries of its unit');
    assert.equal(seen.sum('http_client_request_duration_seconds_count'), 1);
  });
});

describe('an installed program is an application', () => {
  const served = (listen: string): string => `
    const server = require('node:http').createServer((request, response) => response.end('ok'));
    setTimeout(() => server.listen(${listen}, () => console.log('listening ' + server.address().port)), 1300);`;

  test('when it serves, named after the working directory and counted from the first request', async (t) => {
    const { app, port, project } = await run(t, { file: TOOL, code: served("0, '127.0.0.1'") });
    const servedAt = await app.number('listening');
    await (await fetch(`http://127.0.0.1:${servedAt}/a`)).text();
    await eventually(async () => {
      const seen = await scrape(port);
      assert.equal(seen.sum('http_server_request_duration_seconds_count'), 1);
      assert.equal(seen.sum('orchestrator_instances'), 1);
    });
    assert.equal(existsSync(project), true);
    const said = ours(app);
    assert.equal(said.length, 1, app.stderr);
    assert.match(said[0] ?? '', / shop: store local/);
  });

  test('when it records something of its own', async (t) => {
    const code = `setInterval(() => require(${API}).metrics.getMeter('a').createCounter('orders').add(1), 100);`;
    const { port } = await run(t, { file: TOOL, code });
    await eventually(async () => assert.ok((await scrape(port)).sum('orders_total') > 0));
  });
});
