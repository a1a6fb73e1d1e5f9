import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse } from 'yaml';

import { boardText } from '../dashboard/board.js';
import { ROOT } from '../dev/application.js';
import { SETTINGS } from '../src/settings/settings.js';
import { WORKER_KINDS } from '../src/workers/kinds.js';
import { STEP_NAMES } from '../src/workflow/steps.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('promtool: the alerts fire when they should, and only then', () => {
  const alerts = join(ROOT, 'alerts');
  execFileSync('promtool', ['check', 'rules', 'daily-workflow.yml'], { cwd: alerts, stdio: 'pipe' });
  try {
    execFileSync('promtool', ['test', 'rules', 'daily-workflow.test.yml'], { cwd: alerts, stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer };
    assert.fail(`${stdout.toString()}${stderr.toString()}`);
  }
});

test('the dashboard is the one that its source describes', () => {
  assert.equal(read('dashboard/daily-workflow.json'), boardText(), 'run: npm run dashboard');
});

test('every step and command of the README is a script', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const step of STEP_NAMES) assert.ok(scripts[step]?.endsWith(` ${step}`), step);
  assert.ok(scripts['worker:daily-orchestrator']?.endsWith(' run'));
  for (const [, name = ''] of read('README.md').matchAll(/npm run ([a-z:-]+)/g)) {
    assert.ok(name in scripts, `README.md says npm run ${name}`);
  }
});

test('PM2 and Compose start the orchestrator and the three workers', () => {
  const names = ['daily-orchestrator', ...WORKER_KINDS.map(({ process }) => process)];
  // oxlint-disable-next-line typescript/no-require-imports
  const { apps } = require(join(ROOT, 'ecosystem.config.js')) as {
    apps: Array<{ name: string; args: string[] }>;
  };
  assert.deepEqual(
    apps.map(({ name }) => name),
    names,
  );
  const compose = parse(read('compose.yaml')) as {
    services: Record<string, { command?: string[]; depends_on?: Record<string, unknown> }>;
  };
  for (const { name, args } of apps) {
    assert.deepEqual(compose.services[name]?.command?.slice(-args.length), args, name);
    for (const other of Object.keys(compose.services[name]?.depends_on ?? {})) {
      assert.ok(other in compose.services, other);
    }
  }
});

test('Compose sets no variable that nothing reads', () => {
  const known = /^(?:ORCHESTRATOR_|OTEL_|POSTGRES_|RABBITMQ_|NODE_)/;
  const compose = parse(read('compose.yaml'), { merge: true }) as {
    services: Record<string, { environment?: Record<string, string> }>;
  };
  for (const [service, { environment = {} }] of Object.entries(compose.services)) {
    for (const name of Object.keys(environment)) {
      assert.ok(name in SETTINGS || known.test(name), `${service}: ${name}`);
    }
  }
});
