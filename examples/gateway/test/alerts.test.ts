import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';

import { gatewayBoard } from '../dashboard/gateway-board.js';
import { programPath } from '../demo/program.js';
import { ROOT } from './helpers/gateway-process.js';

const DASHBOARD = join(ROOT, 'dashboard');

it('alerts fire when they should, and only then', () => {
  const promtool = programPath('promtool', 'prometheus');
  for (const args of [
    ['check', 'rules', 'gateway.rules.yml'],
    ['test', 'rules', 'gateway.rules.test.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: DASHBOARD, encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  }
});

it('the dashboard is the one that its source makes', () => {
  const written: unknown = JSON.parse(readFileSync(join(DASHBOARD, 'gateway.json'), 'utf8'));
  assert.deepEqual(written, JSON.parse(JSON.stringify(gatewayBoard())), 'npm run docs writes it');
});
