import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPreload } from '../../../src/cli/changes/start-command.js';

const R = '--require @org/orchestrator/register';

const EDITED: Readonly<Record<string, string>> = {
  'node app.js': `node ${R} app.js`,
  'NODE_ENV=production node --max-old-space-size=400 dist/main.js --port 80': `NODE_ENV=production node ${R} --max-old-space-size=400 dist/main.js --port 80`,
  'npm run build && exec node server': `npm run build && exec node ${R} server`,
  'cross-env A="x y" node app.mjs | pino-pretty': `cross-env A="x y" node ${R} app.mjs | pino-pretty`,
  'pm2 start server.js -i max -- --queue mail': `pm2 start server.js -i max --node-args="${R}" -- --queue mail`,
  'node migrate.js; node app.js': `node ${R} migrate.js; node ${R} app.js`,
};

const AS_THEY_WERE = [
  `node ${R} app.js`,
  'node --import /srv/app/node_modules/@org/orchestrator/dist/register.js app.js',
  'NODE_OPTIONS="--require @org/orchestrator/register" node app.js',
  'node --version',
  'node -e "require(\'./app\')"',
  'node --test',
  'pm2 start ecosystem.config.cjs --env production',
  'pm2 logs server.js',
  'eslint . && tsc',
  '',
];

const BY_HAND: Readonly<Record<string, RegExp>> = {
  'nodemon app.js': /nodemon --require/,
  'npx tsx watch src/main.ts': /tsx --require/,
  'next start': /NODE_OPTIONS/,
  'pm2 start app.js --node-args="--inspect"': /--node-args/,
};

for (const [command, expected] of Object.entries(EDITED)) {
  test(`"${command}" gets the preload, once`, () => {
    assert.deepEqual(withPreload(command), { kind: 'edited', command: expected });
    assert.deepEqual(withPreload(expected), { kind: 'as it was' });
  });
}

for (const command of AS_THEY_WERE) {
  test(`"${command}" stays`, () => assert.deepEqual(withPreload(command), { kind: 'as it was' }));
}

for (const [command, why] of Object.entries(BY_HAND)) {
  test(`"${command}" is left to a person`, () => {
    const edited = withPreload(command);
    assert.ok(edited.kind === 'by hand');
    assert.match(edited.why, why);
  });
}
