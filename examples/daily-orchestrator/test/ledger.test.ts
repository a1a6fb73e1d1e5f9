import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PRELOADS, ROOT } from '../dev/application.js';
import { Program } from '../dev/program.js';
import { Project } from './project.js';

describe('a process that is killed between its commit and its count', () => {
  let project: Project;

  before(async () => {
    project = await Project.create();
    await project.command(['status']);
  });

  after(() => project.end());

  async function fixture(prefix: string, ...args: string[]): Promise<string> {
    const program = new Program(
      'crash-after-commit',
      process.execPath,
      [...PRELOADS, 'dist/test/fixtures/crash-after-commit.js', ...args],
      { cwd: ROOT, env: { ...project.env, ORCHESTRATOR_PREFIX: prefix } },
    );
    await program.ended();
    return program.output;
  }

  test('has lost the count without the ledger', async () => {
    assert.doesNotMatch(await fixture('plain', 'plain', '3', 'crash'), /counted/);
    assert.match(await fixture('plain', 'plain', '1'), /counted 3/);
    assert.equal(await project.number('SELECT count(*) FROM proof'), 4);
    await project.db.query('DROP TABLE proof');
  });

  test('is counted by the next one, once', async () => {
    for (let kill = 0; kill < 2; kill++) {
      assert.doesNotMatch(await fixture('exact', 'exact', '2', 'crash'), /counted/);
    }
    assert.match(await fixture('exact', 'exact', '1'), /counted 5/);
    assert.equal(await project.number('SELECT count(*) FROM proof'), 5);
    assert.match(await fixture('exact', 'exact', '0'), /counted 5/);
  });

  test('counts from the beginning in a store that was wiped, and counts nothing twice', async () => {
    assert.match(await fixture('another', 'exact', '2'), /counted 2/);
    assert.match(await fixture('another', 'exact', '1'), /counted 3/);
  });
});
