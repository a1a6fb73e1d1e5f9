import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ecosystemWithEnv } from '../../../src/cli/changes/ecosystem-env.js';
import { ecosystemWithPreload } from '../../../src/cli/changes/ecosystem.js';

const R = '--require @org/orchestrator/register';

function edited(path: string, text: string): string {
  const { text: after, byHand } = ecosystemWithPreload(path, text);
  assert.deepEqual(byHand, []);
  assert.equal(ecosystemWithPreload(path, after).text, after, 'a second time');
  return after;
}

test('an application on several lines gets a line, one on one line gets it there', () => {
  const text = "module.exports = {\n\tapps: [{\n\t\tscript: 'a.js',\n\t}, { script: 'b.js' }],\n};\n";
  assert.equal(
    edited('ecosystem.config.js', text),
    `module.exports = {\n\tapps: [{\n\t\tscript: 'a.js',\n\t\tnode_args: '${R}',\n\t}, { script: 'b.js', node_args: '${R}' }],\n};\n`,
  );
});

test('options that are there stay behind it, as a text and as a list', () => {
  assert.equal(
    edited('ecosystem.config.js', "module.exports = { apps: [{ script: 'a.js', node_args: '--inspect' }] };"),
    `module.exports = { apps: [{ script: 'a.js', node_args: '${R} --inspect' }] };`,
  );
  assert.equal(
    edited(
      'ecosystem.config.js',
      "module.exports = { apps: [{ script: 'a.js', node_args: ['--inspect'] }] };",
    ),
    "module.exports = { apps: [{ script: 'a.js', node_args: ['--require', '@org/orchestrator/register', '--inspect'] }] };",
  );
});

test('JSON stays JSON', () => {
  const text = '{\n  "apps": [\n    {\n      "script": "a.js",\n      "instances": 2\n    }\n  ]\n}\n';
  const after = edited('pm2.json', text);
  const { apps } = JSON.parse(after) as { apps: object[] };
  assert.deepEqual(apps, [{ script: 'a.js', node_args: R, instances: 2 }]);
});

test('what PM2 does not run with Node, and what has the preload in its environment, stays', () => {
  for (const text of [
    "module.exports = { apps: [{ script: 'run.sh', interpreter: 'bash' }, { script: 'x.py', interpreter: 'python3' }] };",
    "module.exports = { apps: [{ script: 'a.js', env: { NODE_OPTIONS: '--require @org/orchestrator/register' } }] };",
  ])
    assert.equal(edited('ecosystem.config.js', text), text);
});

test('options that are computed are left to a person, with their line', () => {
  const text =
    "const args = '--inspect';\nmodule.exports = {\n  apps: [{ script: 'a.js', node_args: args }] };\n";
  const result = ecosystemWithPreload('ecosystem.config.js', text);
  assert.equal(result.text, text);
  assert.deepEqual(
    result.byHand.map(({ line }) => line),
    [3],
  );
});

test('settings go into the env of JSON too, beside what is there', () => {
  const settings = [{ name: 'ORCHESTRATOR_PREFIX', value: 'My "Shop"', comment: '' }];
  for (const env of ['', ', "env": {}', ', "env": { "PORT": "80" }']) {
    const text = edited('pm2.json', `{ "apps": [{ "script": "a.js"${env} }] }`);
    const after = ecosystemWithEnv('pm2.json', text, settings);
    const { apps } = JSON.parse(after) as { apps: Array<{ env: object }> };
    const own = env.includes('PORT') ? { PORT: '80' } : {};
    assert.deepEqual(apps[0]?.env, { ORCHESTRATOR_PREFIX: 'My "Shop"', ...own });
    assert.equal(ecosystemWithEnv('pm2.json', after, settings), after);
  }
});
