import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { stringify } from 'yaml';

import { scratchDir } from '../helpers/scratch.js';
import { EVERYTHING, readBoards, substitute } from './board-files.js';

/** Version 1.4.0 runs for half an hour. Then both run for three minutes, and have no version in common. Then 1.5.0 runs. */
const ROLLOUT = [
  { series: 'target_info{job="shop", service_version="1.4.0"}', values: '1x30 stale' },
  { series: 'target_info{job="shop"}', values: '_x30 1x2 stale' },
  { series: 'target_info{job="shop", service_version="1.5.0"}', values: '_x33 1x30' },
];

test('every dashboard marks a deployment once, when all processes have the new version', (t) => {
  const [expression, ...others] = new Set(
    Array.from(readBoards().values(), ({ annotations }) => annotations.list.map(({ expr }) => expr)).flat(),
  );
  assert.ok(expression !== undefined);
  assert.deepEqual(others, []);
  const expr = substitute(expression, EVERYTHING);
  const marked = { labels: '{job="shop", service_version="1.5.0"}', value: 1 };
  const tests = [
    ['20m', []],
    ['32m', []],
    ['34m', [marked]],
    ['37m', [marked]],
    ['45m', []],
  ].map(([eval_time, exp_samples]) => ({ expr, eval_time, exp_samples }));
  const dir = scratchDir(t, 'deployments');
  writeFileSync(
    join(dir, 'tests.yml'),
    stringify({ tests: [{ interval: '1m', input_series: ROLLOUT, promql_expr_test: tests }] }),
  );
  execFileSync('promtool', ['test', 'rules', 'tests.yml'], { cwd: dir, encoding: 'utf8', stdio: 'pipe' });
});
