import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';

import { ROOT, sumOf } from '../dev/application.js';
import { eventually } from '../dev/eventually.js';
import { itemsInTables, Project } from './project.js';

const PM2 = require.resolve('pm2/bin/pm2');

interface Listed {
  readonly name: string;
  readonly pid: number;
  readonly pm2_env: { readonly status: string; readonly restart_time: number };
}

describe('under PM2', () => {
  let project: Project;
  let home: string;

  before(async () => {
    project = await Project.create();
    home = join(project.dir, 'pm2');
  });

  after(async () => {
    await pm2('kill');
    await project.end();
  });

  async function pm2(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [PM2, ...args, '--silent'], {
      cwd: ROOT,
      env: { ...project.env, PM2_HOME: home, HOME: home },
      maxBuffer: 10_000_000,
    });
    return stdout;
  }

  async function list(): Promise<Map<string, Listed>> {
    const text = await pm2('jlist');
    const listed = JSON.parse(text.slice(text.indexOf('['))) as Listed[];
    return new Map(listed.map((one) => [one.name, one]));
  }

  test('the orchestrator starts alone, the workers with it, and a worker that is killed comes back', async () => {
    await pm2('start', 'ecosystem.config.js', '--only', 'daily-orchestrator');
    assert.deepEqual([...(await list()).keys()], ['daily-orchestrator']);
    await pm2('start', 'ecosystem.config.js');
    await eventually(async () => {
      const queues = await project.command(['check'], { PATH: `${process.env['PATH']}`, PM2_HOME: home });
      assert.match(queues.output, /ok .*workers on each queue/);
    });
    const first = await list();
    assert.equal(first.size, 4);
    process.kill(first.get('worker-alliances')?.pid ?? 0, 'SIGKILL');
    await eventually(async () => {
      const now = (await list()).get('worker-alliances');
      assert.equal(now?.pm2_env.status, 'online');
      assert.notEqual(now?.pid, first.get('worker-alliances')?.pid);
    });
    await project.runManually();
    assert.deepEqual(await project.countedItems(), await itemsInTables(project, 1));
  });

  test('check knows processes and pm2 save', async () => {
    const bin = join(ROOT, 'node_modules/.bin');
    const env = { PATH: `${bin}:${process.env['PATH']}`, PM2_HOME: home, HOME: home };
    const { output: unsaved } = await project.command(['check'], env);
    assert.match(unsaved, /ok .*processes in PM2 .*daily-orchestrator: 1 of 1 online/);
    assert.match(unsaved, /NOT OK .*pm2 save/);
    assert.match(unsaved, /ok .*a run has succeeded/);
    await pm2('save');
    const { output: saved } = await project.command(['check'], env);
    assert.match(saved, /│ ok +│ pm2 save/);
  });

  test('stops cleanly, and the numbers stay', async () => {
    const counted = sumOf(await project.metrics(), 'workflow_items_total');
    await pm2('stop', 'all');
    for (const [name, { pm2_env }] of await list()) assert.equal(pm2_env.status, 'stopped', name);
    const log = readFileSync(join(project.dir, 'logs/worker-alliances.log'), 'utf8');
    assert.match(log, /"msg":"stopped"/);
    assert.doesNotMatch(readFileSync(join(home, 'pm2.log'), 'utf8'), /still alive after/);
    const worker = project.start(['worker:info:alliances']);
    await eventually(async () => {
      worker.assertRunning();
      assert.equal(sumOf(await project.metrics(), 'workflow_items_total'), counted);
    });
  });
});
