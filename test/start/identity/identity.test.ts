import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test, type TestContext } from 'node:test';

import { identityOf } from '../../../src/start/identity/identity.js';
import { mainFile } from '../../../src/start/identity/main-file.js';
import { scratchDir } from '../../helpers/scratch.js';

const VARIABLES = ['OTEL_SERVICE_NAME', 'OTEL_RESOURCE_ATTRIBUTES'] as const;
const before = VARIABLES.map((variable) => process.env[variable]);
const workingDirectory = process.cwd();

beforeEach(() => {
  for (const variable of VARIABLES) Reflect.deleteProperty(process.env, variable);
});

afterEach(() => {
  process.chdir(workingDirectory);
  for (const [index, variable] of VARIABLES.entries()) {
    const value = before[index];
    if (value === undefined) Reflect.deleteProperty(process.env, variable);
    else process.env[variable] = value;
  }
});

/** Writes files by their paths, below a folder of its own. */
function files(t: TestContext, contents: Readonly<Record<string, string>>): string {
  const root = scratchDir(t, 'service');
  for (const [path, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

interface Run {
  readonly argv?: readonly string[];
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly settings?: { readonly prefix?: string; readonly serviceName?: string };
}

/** The project's name, and what was said about it. */
function named({ argv = [], execArgv = [], env = {}, settings = {} }: Run): [name: string, codes: unknown[]] {
  const codes: unknown[] = [];
  const main = mainFile(env, { argv: [process.execPath, ...argv], execArgv });
  const { prefix, serviceName } = settings;
  const { project } = identityOf({ prefix, serviceName }, main, (_message, code) => codes.push(code));
  return [project, codes];
}

describe('the name of a project', () => {
  test('is the prefix, else the service of settings or environment, else that of the nearest package.json with a name', (t) => {
    const root = files(t, {
      'package.json': '{"name": "@org/shop"}',
      'dist/package.json': '{"type": "commonjs"}',
      'dist/broken/package.json': '{',
    });
    for (const script of ['main.js', 'dist/main.js', 'dist/broken/main', 'not/there/main.js'])
      assert.deepEqual(named({ argv: [join(root, script)] }), ['@org/shop', []], script);
    const argv = [join(root, 'main.js')];
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'service.name=from-attributes,a=b';
    assert.deepEqual(named({ argv }), ['from-attributes', []]);
    assert.deepEqual(named({ argv, settings: { serviceName: 'configured' } }), ['configured', []]);
    assert.deepEqual(named({ argv, settings: { serviceName: 'configured', prefix: 'p' } }), ['p', []]);
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'no attributes at all';
    assert.deepEqual(named({ argv }), ['@org/shop', []]);
  });

  test('is unknown where there is none, which is said', (t) => {
    process.chdir(scratchDir(t, 'nowhere'));
    assert.deepEqual(named({ argv: ['/main.js'] }), ['unknown_service', ['ORCHESTRATOR_NO_NAME']]);
  });

  test('is never that of a launcher or another installed program, but that of the working directory', (t) => {
    const root = files(t, {
      'package.json': '{"name": "billing"}',
      'node_modules/fastify-cli/package.json': '{"name": "fastify-cli"}',
      'node_modules/fastify-cli/cli.js': '',
      'global/lib/node_modules/serve/package.json': '{"name": "serve"}',
      'global/lib/node_modules/serve/build/main.js': '',
      'global/bin/placeholder': '',
    });
    mkdirSync(join(root, 'node_modules', '.bin'));
    const links = [join(root, 'node_modules', '.bin', 'fastify'), join(root, 'global', 'bin', 'serve')];
    symlinkSync('../fastify-cli/cli.js', links[0] ?? '');
    symlinkSync('../lib/node_modules/serve/build/main.js', links[1] ?? '');
    const programs = [
      join(root, 'node_modules/fastify-cli/cli.js'),
      join(root, 'global/lib/node_modules/serve/build/main.js'),
      ...links,
      join(root, 'node_modules/.store/next-npm-15.0.0/node_modules/next/dist/bin/next'),
      join(root, '.yarn/cache/next-npm-15.0.0-abc.zip/node_modules/next/dist/bin/next'),
      '/usr/share/nodejs/webpack/bin/webpack.js',
    ];
    process.chdir(root);
    for (const program of programs) {
      const [name] = named({ argv: [program, 'start'] });
      assert.equal(name, 'billing', program);
      assert.equal(mainFile({}, { argv: ['node', program], execArgv: [] }).kind, 'installed', program);
    }
    assert.deepEqual(named({ argv: [programs[0] ?? ''] }), ['billing', ['ORCHESTRATOR_NAME_CHANGED']]);
    // Two applications under one launcher are two projects.
    process.chdir(files(t, { 'package.json': '{"name": "search"}' }));
    assert.equal(named({ argv: [programs[0] ?? ''] })[0], 'search');
    assert.deepEqual(named({ argv: [programs[0] ?? ''], settings: { prefix: 'p' } }), ['p', []]);
  });

  test('of a workspace is its own, though it is linked into node_modules', (t) => {
    const root = files(t, {
      'package.json': '{"name": "root"}',
      'packages/api/package.json': '{"name": "@org/api"}',
      'packages/api/main.js': '',
      'node_modules/@org/placeholder': '',
    });
    symlinkSync('../../packages/api', join(root, 'node_modules', '@org', 'api'));
    assert.equal(named({ argv: [join(root, 'node_modules/@org/api/main.js')] })[0], '@org/api');
  });

  test('of code on the command line and of a REPL is that of the working directory', (t) => {
    process.chdir(files(t, { 'package.json': '{"name": "shop"}' }));
    const runs: Run[] = [
      { execArgv: ['-e', '1'], argv: ['/elsewhere/argument'] },
      { execArgv: ['--print=1'] },
      { argv: ['-', 'argument'] },
      { execArgv: ['-i'] },
      {},
    ];
    for (const run of runs) assert.equal(named(run)[0], 'shop', JSON.stringify(run));
  });

  test('under PM2 is that of the application, and of what the application starts', (t) => {
    const root = files(t, {
      'shop/package.json': '{"name": "shop"}',
      'shop/app.js': '',
      'other/package.json': '{"name": "other"}',
      'other/job.js': '',
      'node_modules/next/package.json': '{"name": "next"}',
      'node_modules/next/bin.js': '',
    });
    const container = (name: string): string[] => [join(root, 'node_modules/pm2/lib', name)];
    const env = { pm_exec_path: join(root, 'shop/app.js'), pm_cwd: join(root, 'shop') };
    for (const argv of [container('ProcessContainer.js'), container('ProcessContainerFork.js')])
      assert.deepEqual(named({ argv, env }), ['shop', []]);
    assert.deepEqual(named({ argv: [join(root, 'other/job.js')], env }), [
      'other',
      ['ORCHESTRATOR_NAME_CHANGED'],
    ]);
    const launched = { ...env, pm_exec_path: join(root, 'node_modules/next/bin.js') };
    assert.equal(named({ argv: container('ProcessContainerFork.js'), env: launched })[0], 'shop');
    const npm = { ...env, pm_exec_path: '/usr/bin/npm' };
    const argv = ['node', ...container('ProcessContainerFork.js')];
    assert.equal(mainFile(npm, { argv, execArgv: [] }).kind, 'tool');
    assert.equal(named({ argv: [join(root, 'shop/app.js')], env: npm })[0], 'shop', 'started by npm');
  });
});

test('package managers, PM2 itself and what Node does not run are tools', () => {
  const scripts = [
    '/usr/lib/node_modules/npm/bin/npm-cli.js',
    '/usr/bin/npx',
    '/usr/share/nodejs/npm/bin/npm-cli.js',
    '/app/.yarn/releases/yarn-4.18.1.cjs',
    '/root/.cache/node/corepack/v1/pnpm/9.0.0/bin/pnpm.cjs',
    '/usr/lib/node_modules/pm2/lib/Daemon.js',
    '/usr/lib/node_modules/pm2/bin/pm2-runtime',
    'inspect',
  ];
  for (const script of scripts)
    assert.equal(mainFile({}, { argv: ['node', script], execArgv: [] }).kind, 'tool', script);
  for (const execArgv of [['--check'], ['-c'], ['--test']])
    assert.equal(mainFile({}, { argv: ['node', '/app/main.js'], execArgv }).kind, 'tool', execArgv.join());
  for (const script of ['/app/npm-server.js', '/app/yarn-shop.js', '/app/pm2/app.js'])
    assert.equal(mainFile({}, { argv: ['node', script], execArgv: [] }).kind, 'own', script);
});
