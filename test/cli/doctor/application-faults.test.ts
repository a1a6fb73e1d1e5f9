import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, lstatSync, rmSync } from 'node:fs';
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

  test('preload-missing: a start script', async (context) => {
    const bench = await own(context);
    writeFiles(bench.folder, {
      'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'PORT=80 node app.js' } }),
    });
    const script = await examine(context, bench);
    assertFound(script, 'preload-missing');
    assert.equal(script.findings[0]?.fix, 'PORT=80 node --require @org/orchestrator/register app.js');
  });

  test('preload-missing: an ecosystem file; start() in the code is as good', async (context) => {
    const bench = await own(context);
    writeFiles(bench.folder, {
      'package.json': JSON.stringify({ name: 'shop', scripts: { start: 'pm2 start ecosystem.config.cjs' } }),
      'ecosystem.config.cjs': "module.exports = { apps: [{ script: 'app.js' }] };\n",
    });
    assertFound(await examine(context, bench), 'preload-missing');
    writeFiles(bench.folder, { 'app.js': "const { start } = require('@org/orchestrator');\nstart();\n" });
    assertFound(await examine(context, bench));
  });

  test('setting-invalid: a variable without effect', async (context) => {
    const bench = await own(context);
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_MAX_SERIES: 'many' } });
    assertFound(diagnosis, 'setting-invalid');
    assert.match(diagnosis.findings[0]?.what ?? '', /ORCHESTRATOR_MAX_SERIES="many" is not allowed/);
    assert.equal(diagnosis.findings[0]?.fix, 'unset ORCHESTRATOR_MAX_SERIES');
  });

  test('setting-unknown: a letter is missing', async (context) => {
    const bench = await own(context);
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_MAX_SERIE: '100' } });
    assertFound(diagnosis, 'setting-unknown');
    assert.match(diagnosis.findings[0]?.why ?? '', /ORCHESTRATOR_MAX_SERIES was probably meant/);
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

  for (const [variable, value] of [
    ['ORCHESTRATOR_ENABLED', 'false'],
    ['OTEL_SDK_DISABLED', 'true'],
    ['OTEL_METRICS_EXPORTER', 'otlp'],
  ] as const) {
    test(`turned-off: by ${variable}`, async (context) => {
      const diagnosis = await examine(context, await own(context), { env: { [variable]: value } });
      assertFound(diagnosis, 'turned-off');
      assert.equal(diagnosis.findings[0]?.fix, `unset ${variable}`);
    });
  }

  test('memory-store: each process for itself', async (context) => {
    const env = { ORCHESTRATOR_STORE: 'memory' };
    assertFound(await examine(context, await own(context), { env }), 'memory-store');
  });

  test('no-name: neither a variable nor a package.json', async (context) => {
    const env = { ORCHESTRATOR_PREFIX: '', OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    const folder = scratchDir(context, 'nameless');
    assertFound(await examine(context, await own(context), { env, folder }), 'no-name');
  });

  /** A copy of the store, to do something to. */
  const copied = async (context: TestContext): Promise<{ bench: Bench; store: string }> => {
    const bench = await own(context);
    const store = join(scratchDir(context, 'copy'), 'store');
    cpSync(bench.store, store, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
    chmodSync(join(store, 'shop'), 0o700);
    return { bench, store };
  };

  test('local-folder-unsafe: everybody may write to the folder of the project', async (context) => {
    const { bench, store } = await copied(context);
    chmodSync(join(store, 'shop'), 0o777);
    const env = { ORCHESTRATOR_LOCAL_DIR: store, OTEL_EXPORTER_PROMETHEUS_PORT: String(await freePort()) };
    const diagnosis = await examine(context, bench, { env });
    assertFound(diagnosis, 'local-folder-unsafe');
    assert.match(diagnosis.findings[0]?.fix ?? '', /^chmod 700 .*shop$/);
  });

  const skip = process.getuid?.() === 0 ? false : 'only root can make a small disk';
  test('local-folder-full: a disk with hardly any room', { skip }, async (context) => {
    const { bench, store } = await copied(context);
    const disk = scratchDir(context, 'disk');
    const mount = `mount -t tmpfs -o size=5m tmpfs "${disk}" && cp -r "${store}/." "${disk}" && exec "$@"`;
    const before = ['unshare', '--mount', 'sh', '-c', mount, 'sh'];
    const diagnosis = await examine(context, bench, { env: { ORCHESTRATOR_LOCAL_DIR: disk }, before });
    assertFound(diagnosis, 'local-folder-full');
    assert.match(diagnosis.findings[0]?.what ?? '', /has \d\.\d MiB left/);
  });
});

// Each of them waits for seconds while an application runs.
void suite('an application that doctor runs', { concurrency: 3 }, () => {
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

  const withOwnSdk = async (context: TestContext): Promise<Bench> => {
    const folder = applicationFolder(context);
    writeFiles(folder, {
      'app.js': `const { MeterProvider } = require(${JSON.stringify(require.resolve('@opentelemetry/sdk-metrics'))});
require(${JSON.stringify(require.resolve('@opentelemetry/api'))}).metrics.setGlobalMeterProvider(new MeterProvider());
require('node:http').createServer((q, r) => r.end()).listen(0);
`,
    });
    return { ...(await started), folder };
  };

  test('another-sdk: without the preload', async (context) => {
    const diagnosis = await examine(context, await withOwnSdk(context), { application: ['app.js'] });
    assertFound(diagnosis, 'another-sdk');
    assert.match(diagnosis.findings[0]?.what ?? '', /MeterProvider/);
  });

  test('application-warning: an SDK beside the preload', async (context) => {
    const application = ['--require', PRELOAD, 'app.js'];
    const diagnosis = await examine(context, await withOwnSdk(context), { application });
    assertFound(diagnosis, 'application-warning');
    assert.match(diagnosis.findings[0]?.what ?? '', /ORCHESTRATOR_ANOTHER_METER_PROVIDER/);
  });

  test('application-ended: it does not start', async (context) => {
    const visit = { application: ['nowhere.js'], args: ['--seconds', '300'] };
    const diagnosis = await examine(context, await started, visit);
    assertFound(diagnosis, 'application-ended');
    assert.match(
      diagnosis.findings[0]?.what ?? '',
      /^"node nowhere\.js" ended with code 1 within 300 s: .*Cannot find module/,
    );
  });
});
