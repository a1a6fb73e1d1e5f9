import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';

import { fixturePath, PRELOAD, startApp } from '../../helpers/app-process.js';
import { eventually } from '../../helpers/eventually.js';
import { suiteOwner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { scratchDir } from '../../helpers/scratch.js';
import { cliEnvironment, PROGRAM_FILE } from '../program.js';
import {
  applicationFolder,
  assertFound,
  examine,
  installed,
  untilServed,
  writeFiles,
  type Bench,
} from './bench.js';

/** Faults of packages, settings, start scripts, processes and folders, each planted where nothing else is wrong. */

async function localBench(
  owner: Parameters<typeof startApp>[0],
): Promise<Bench & { readonly store: string }> {
  const port = await freePort();
  const store = scratchDir(owner, 'store');
  const env = {
    ORCHESTRATOR_PREFIX: 'shop',
    ORCHESTRATOR_LOCAL_DIR: store,
    OTEL_METRIC_EXPORT_INTERVAL: '500',
    OTEL_EXPORTER_PROMETHEUS_PORT: String(port),
    OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0',
  };
  const app = startApp(owner, 'server.cjs', { env });
  await app.number('listening');
  await untilServed(port);
  return { folder: applicationFolder(owner), env, port, store };
}

void suite('an application with the local store', () => {
  const started = localBench(suiteOwner());
  /** The bench with a folder of its own, to plant something in. */
  const own = async (context: TestContext): Promise<Bench & { readonly store: string }> => ({
    ...(await started),
    folder: applicationFolder(context),
  });

  test('silence when nothing is wrong, with one copy of each package', async (context) => {
    const bench = await own(context);
    installed(bench.folder, '@opentelemetry/api', '1.9.1');
    installed(bench.folder, '@opentelemetry/sdk-metrics', '2.12.0');
    assertFound(await examine(context, bench));
  });

  test('Ctrl+C ends the application that it runs, and waits for it', async (context) => {
    const bench = await own(context);
    const drained = join(bench.folder, 'drained');
    writeFiles(bench.folder, {
      'app.js': `process.on('SIGTERM', () => setTimeout(() => {
        require('node:fs').writeFileSync(${JSON.stringify(drained)}, '');
        process.exit();
      }, 1000));
      setInterval(() => undefined, 1000);
      require('node:fs').writeFileSync(${JSON.stringify(join(bench.folder, 'up'))}, '');`,
    });
    const args = [PROGRAM_FILE, 'doctor', '--folder', bench.folder, '--seconds', '300', '--', 'app.js'];
    const child = spawn(process.execPath, args, { env: cliEnvironment(bench.env), stdio: 'ignore' });
    context.after(() => child.kill('SIGKILL'));
    await eventually(() => assert.ok(existsSync(join(bench.folder, 'up'))));
    const ended = once(child, 'exit');
    child.kill('SIGINT');
    assert.deepEqual(await ended, [null, 'SIGINT']);
    assert.ok(existsSync(drained));
  });

  test('package-copies: two versions of the API', async (context) => {
    const bench = await own(context);
    installed(bench.folder, '@opentelemetry/api', '1.9.1');
    installed(bench.folder, 'library/node_modules/@opentelemetry/api', '1.4.0');
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis, 'package-copies');
    assert.match(diagnosis.findings[0]?.what ?? '', /installed 2 times: 1\.9\.1 in .*, 1\.4\.0 in .*library/);
  });

  test('package-copies: two versions of the SDK', async (context) => {
    const bench = await own(context);
    installed(bench.folder, '@opentelemetry/sdk-metrics', '2.12.0');
    installed(bench.folder, '@scope/library/node_modules/@opentelemetry/sdk-metrics', '1.30.0');
    assertFound(await examine(context, bench), 'package-copies');
  });

  test('sdk-version: an override holds the SDK at another one', async (context) => {
    const bench = await own(context);
    installed(bench.folder, '@opentelemetry/sdk-node', '0.57.2');
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis, 'sdk-version');
    assert.match(diagnosis.findings[0]?.what ?? '', /sdk-node is 0\.57\.2 here/);
  });

  test('not-installed: a start script loads what is not there', async (context) => {
    const bench = await own(context);
    rmSync(join(bench.folder, 'node_modules'), { recursive: true });
    assertFound(await examine(context, bench), 'not-installed');
  });

  test('preload-missing: a start script, and an ecosystem file', async (context) => {
    const bench = await own(context);
    writeFiles(bench.folder, {
      'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'PORT=80 node app.js' } }),
    });
    const script = await examine(context, bench);
    assertFound(script, 'preload-missing');
    assert.equal(script.findings[0]?.fix, 'PORT=80 node --require @org/orchestrator/register app.js');
    writeFiles(bench.folder, {
      'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'pm2 start ecosystem.config.cjs' } }),
      'ecosystem.config.cjs': "module.exports = { apps: [{ script: 'app.js' }] };\n",
    });
    assertFound(await examine(context, bench), 'preload-missing');
    // start() in the code is as good.
    writeFiles(bench.folder, { 'app.js': "const { start } = require('@org/orchestrator');\nstart();\n" });
    assertFound(await examine(context, bench));
  });

  test('setting-invalid and setting-unknown: variables without effect', async (context) => {
    const bench = await own(context);
    const invalid = await examine(context, bench, { env: { ORCHESTRATOR_MAX_SERIES: 'many' } });
    assertFound(invalid, 'setting-invalid');
    assert.match(invalid.findings[0]?.what ?? '', /ORCHESTRATOR_MAX_SERIES="many" is not allowed/);
    const unknown = await examine(context, bench, { env: { ORCHESTRATOR_MAX_SERIE: '100' } });
    assertFound(unknown, 'setting-unknown');
    assert.match(unknown.findings[0]?.why ?? '', /ORCHESTRATOR_MAX_SERIES was probably meant/);
  });

  test('settings-incomplete: a password without an address', async (context) => {
    const bench = await own(context);
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_REDIS_PASSWORD: 'geheim' } });
    assertFound(diagnosis, 'settings-incomplete');
    assert.doesNotMatch(JSON.stringify(diagnosis), /geheim/);
  });

  test('settings-in-file: a .env that the preload never sees', async (context) => {
    const bench = await own(context);
    writeFiles(bench.folder, { '.env': '# ours\nORCHESTRATOR_MAX_SERIES=1500\nPORT=80\n' });
    const diagnosis = await examine(context, bench);
    assertFound(diagnosis, 'settings-in-file');
    assert.match(diagnosis.findings[0]?.what ?? '', /^ORCHESTRATOR_MAX_SERIES in \.env/);
    writeFiles(bench.folder, {
      'package.json': JSON.stringify({
        name: 'shop',
        scripts: { start: 'node --env-file=.env --require @org/orchestrator/register app.js' },
      }),
    });
    // Node reads it before the preload does, and so does doctor.
    const read = await examine(context, bench);
    assertFound(read);
    const limit = read.settings.find(({ variable }) => variable === 'ORCHESTRATOR_MAX_SERIES');
    assert.deepEqual([limit?.value, limit?.source], ['"1500"', 'ORCHESTRATOR_MAX_SERIES']);
  });

  test('turned-off, memory-store, no-name: settings that one did not mean', async (context) => {
    const bench = await own(context);
    assertFound(await examine(context, bench, { env: { ORCHESTRATOR_ENABLED: 'false' } }), 'turned-off');
    assertFound(await examine(context, bench, { env: { OTEL_METRICS_EXPORTER: 'otlp' } }), 'turned-off');
    assertFound(await examine(context, bench, { env: { ORCHESTRATOR_STORE: 'memory' } }), 'memory-store');
    const nameless = { ORCHESTRATOR_PREFIX: '', OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    const folder = scratchDir(context, 'nameless');
    assertFound(await examine(context, bench, { env: nameless, folder }), 'no-name');
  });

  test('local-folder-unsafe: everybody may write to the folder of the project', async (context) => {
    const bench = await own(context);
    const folder = join(bench.store, 'open');
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    const env = { OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    const diagnosis = await examine(context, bench, { args: ['open'], env });
    assert.ok(diagnosis.names.includes('local-folder-unsafe'), diagnosis.names.join());
    assert.equal(diagnosis.code, 2);
    assert.match(diagnosis.findings[0]?.fix ?? '', /^chmod 700 .*open$/);
  });
});

void suite('an application that doctor runs', () => {
  const started = localBench(suiteOwner());
  const app = (name: string, ...nodeArgs: string[]): string[] => [...nodeArgs, fixturePath(name)];

  test('silence for one with the preload', async (context) => {
    assertFound(
      await examine(context, await started, { application: app('server.cjs', '--require', PRELOAD) }),
    );
  });

  test('process-without-preload: the application itself', async (context) => {
    const diagnosis = await examine(context, await started, { application: app('server.cjs') });
    assertFound(diagnosis, 'process-without-preload');
    assert.match(diagnosis.findings[0]?.what ?? '', /Process \d+ runs without the preload: .*server\.cjs/);
  });

  test('process-without-preload: workers of a cluster with flags of their own', async (context) => {
    const folder = applicationFolder(context);
    writeFiles(folder, {
      'cluster.js': `const cluster = require('node:cluster');
if (cluster.isPrimary) {
  cluster.setupPrimary({ execArgv: ['--max-old-space-size=100'] });
  cluster.fork();
} else require('node:http').createServer((q, r) => r.end()).listen(0);
`,
    });
    const bench = { ...(await started), folder };
    const diagnosis = await examine(context, bench, { application: ['--require', PRELOAD, 'cluster.js'] });
    assertFound(diagnosis, 'application-warning', 'process-without-preload');
    assert.match(JSON.stringify(diagnosis.findings), /ORCHESTRATOR_WORKER_NOT_MEASURED/);
  });

  test('another-sdk: without the preload, and beside it', async (context) => {
    const folder = applicationFolder(context);
    writeFiles(folder, {
      'app.js': `const { MeterProvider } = require(${JSON.stringify(require.resolve('@opentelemetry/sdk-metrics'))});
require(${JSON.stringify(require.resolve('@opentelemetry/api'))}).metrics.setGlobalMeterProvider(new MeterProvider());
require('node:http').createServer((q, r) => r.end()).listen(0);
`,
    });
    const bench = { ...(await started), folder };
    const alone = await examine(context, bench, { application: ['app.js'] });
    assertFound(alone, 'another-sdk');
    assert.match(alone.findings[0]?.what ?? '', /MeterProvider/);
    const beside = await examine(context, bench, { application: ['--require', PRELOAD, 'app.js'] });
    assertFound(beside, 'application-warning');
    assert.match(beside.findings[0]?.what ?? '', /ORCHESTRATOR_ANOTHER_METER_PROVIDER/);
  });

  test('application-ended: it does not start', async (context) => {
    const visit = { application: ['nowhere.js'], args: ['--seconds', '60'] };
    const diagnosis = await examine(context, await started, visit);
    assertFound(diagnosis, 'application-ended');
    assert.match(
      diagnosis.findings[0]?.what ?? '',
      /^"node nowhere\.js" ended with code 1 within 60 s: .*Cannot find module/,
    );
  });
});
