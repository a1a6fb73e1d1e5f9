import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startApp } from '../helpers/app-process.js';
import { eventually } from '../helpers/eventually.js';
import { watchedProject } from './project.js';

test('the cap on series is shown once for a project, the lowest where its processes differ', async (t) => {
  const { env, look } = await watchedProject(t);
  const isShown = async (limit: number): Promise<void> => {
    const samples = (await look()).samples('orchestrator_series_limit');
    assert.deepEqual(
      samples.map(({ value, labels }) => [value, labels['service_instance_id']]),
      [[limit, undefined]],
    );
  };
  await eventually(() => isShown(2000));

  const narrow = startApp(t, 'server.cjs', { env: { ...env, ORCHESTRATOR_MAX_SERIES: '300' } });
  await eventually(() => isShown(300));
  await narrow.end('SIGTERM');
  await eventually(() => isShown(2000));
});
