import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { parse } from 'yaml';

import { ROOT } from '../local/instance.js';
import { generatedFiles } from '../scripts/generated-files.js';
import { readSettings } from '../src/config/read-settings.js';
import { SETTINGS } from '../src/config/settings.js';
import { createService } from '../src/start/service.js';

const run = promisify(execFile);
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('the files that are written from code are current', () => {
  for (const [path, text] of generatedFiles())
    assert.equal(read(path), text, `${path} is old: npm run generate`);
});

test('the alerts fire when they should, and only then', async () => {
  await run('promtool', ['test', 'rules', join(ROOT, 'prometheus/tests/payflow.yml')]);
  const rules = parse(read('prometheus/rules/payflow.yml')) as {
    groups: Array<{ rules: Array<{ alert: string }> }>;
  };
  const tested = read('prometheus/tests/payflow.yml');
  for (const { alert } of rules.groups.flatMap((group) => group.rules))
    assert.ok(
      tested.split(`alertname: ${alert}\n        exp_alerts:\n          - exp_labels`).length > 1,
      `${alert} is never seen to fire`,
    );
});

test('every test that the README names exists', () => {
  const tests = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => read(join('test', file)))
    .join('\n');
  const [, table = ''] = read('README.md').split('## What was asked for, and what shows it');
  const rows = (table.split('\n## ')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  assert.ok(rows.length > 30);
  for (const row of rows.slice(1)) {
    const shown = row.split(' | ').at(-1) ?? '';
    const names = [...shown.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');
    assert.ok(names.length > 0, row);
    for (const name of names) {
      if (name === 'ab' || name === 'wrk') continue;
      const isCommand = name.startsWith('npm run ') && name.slice('npm run '.length) in packageScripts();
      const isSetting = Object.values(SETTINGS).some(({ variable }) => variable === name);
      assert.ok(isCommand || isSetting || tests.includes(`'${name}'`), `the README names ${name}`);
    }
  }
});

function packageScripts(): Record<string, string> {
  return (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
}

test('the test files that begin first exist', () => {
  const [, list = ''] = /const LONG = \[(.*?)\]/.exec(read('test/run.ts')) ?? [];
  const names = [...list.matchAll(/'(.*?)\.js'/g)].map(([, name]) => name ?? '');
  assert.ok(names.length > 0);
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' });
  for (const name of names)
    assert.ok(
      files.some((file) => file.endsWith(`${name}.ts`)),
      name,
    );
});

test('requests.http has every operation of the API', async () => {
  const service = await createService(readSettings({ LOG_LEVEL: 'silent', REDIS_MIN_IDLE_CONNS: '0' }));
  await service.app.ready();
  const { paths = {} } = service.app.swagger();
  await service.app.close();
  const requests = read('requests.http')
    .replaceAll(/\{\{(?:base|status)\}\}/g, '')
    .replaceAll('{{user}}', '{id}');
  for (const [path, methods] of Object.entries(paths))
    for (const method of Object.keys(methods ?? {}))
      assert.match(
        requests,
        new RegExp(`^${method.toUpperCase()} ${path.replaceAll(/[{}]/g, String.raw`\$&`)}(?:\\?|$)`, 'm'),
      );
});

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly environment?: Readonly<Record<string, string>>;
        readonly volumes?: readonly string[];
        readonly depends_on?: Readonly<Record<string, unknown>>;
        readonly ports?: readonly string[];
        readonly profiles?: readonly string[];
      }
    >
  >;
}

test('the compose file names services, files and variables that exist', () => {
  const { services } = parse(read('compose.yaml'), { merge: true }) as Compose;
  const known = new Set(Object.values(SETTINGS).map(({ variable }) => variable));
  const made = new Set(['nginx/tls']);
  for (const [name, service] of Object.entries(services)) {
    for (const other of Object.keys(service.depends_on ?? {}))
      assert.ok(other in services, `${name} needs ${other}`);
    for (const volume of service.volumes ?? []) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('./') && !made.has(source.slice(2)))
        assert.ok(existsSync(join(ROOT, source)), `${name}: ${source}`);
    }
    if (!name.startsWith('payflow')) continue;
    const { environment = {} } = service;
    for (const variable of Object.keys(environment))
      assert.ok(
        known.has(variable) || /^(?:DB_READ_|ORCHESTRATOR_|OTEL_)/.test(variable),
        `${name}: ${variable}`,
      );
    const values = Object.entries(environment).map(([variable, value]) => [
      variable,
      value.replace(/^\$\{\w+:-(.*)\}$/, '$1'),
    ]);
    assert.equal(environment['OTEL_METRIC_EXPORT_INTERVAL'], '1000', name);
    const settings = readSettings(Object.fromEntries(values) as Record<string, string>);
    assert.equal(settings.replicas.length, 2);
    for (const { host } of [{ host: settings.dbHost }, { host: settings.redisHost }, ...settings.replicas])
      assert.ok(host in services, `${name} names ${host}`);
  }
});

test('the containers have the documented topology, and a single instance in the profile legacy', () => {
  const { services } = parse(read('compose.yaml'), { merge: true }) as Compose;
  const published = (legacy: boolean): Record<string, number[]> =>
    Object.fromEntries(
      Object.entries(services)
        .filter(
          ([, { ports, profiles }]) =>
            ports !== undefined && (profiles?.includes('legacy') === true) === legacy,
        )
        .map(([name, { ports = [] }]) => [name, ports.map((port) => Number(port.split(':').at(-2)))]),
    );
  assert.deepEqual(published(false), {
    'postgres-primary': [5432],
    'postgres-replica-1': [5433],
    'postgres-replica-2': [5434],
    'redis-primary': [6379],
    'redis-replica': [6380],
    nginx: [80, 443, 8080],
    prometheus: [9090],
    grafana: [3000],
    jaeger: [16_686],
  });
  assert.deepEqual(published(true), { payflow: [8080], 'prometheus-legacy': [9090] });
  assert.deepEqual(
    Object.keys(services).filter((name) => /^payflow-\d$/.test(name)),
    ['payflow-1', 'payflow-2'],
  );
});

test('the commands for containers in the README name services and files that exist', () => {
  const { services } = parse(read('compose.yaml'), { merge: true }) as Compose;
  const commands = read('README.md').match(/docker compose (?:stop|run) .*/g) ?? [];
  assert.equal(commands.length, 2);
  for (const command of commands) {
    const [, service = '', file] =
      /compose (?:stop|run) (?:--\S+ )*(\S+)(?: node (\S+))?/.exec(command) ?? [];
    assert.ok(service in services, command);
    if (file !== undefined) assert.ok(existsSync(join(ROOT, file)), command);
  }
});

test('the scripts of the containers are in order', async () => {
  for (const script of ['postgres/replica.sh', 'postgres/allow-replication.sh', 'nginx/make-certificate.sh'])
    await run('sh', ['-n', join(ROOT, script)]);
});
