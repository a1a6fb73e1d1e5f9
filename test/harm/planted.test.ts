import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { scratchDir } from '../helpers/scratch.js';
import { CASES } from './applications.js';
import { differences } from './compare.js';
import { observe, type Case, type Observation } from './observe.js';

const named = (name: string): Case => {
  const found = CASES.find((example) => example.name === name);
  assert.ok(found !== undefined, name);
  return found;
};

const SCRIPT = named('what a script sees of its process');
const SERVER = named('what a server sees of its requests');
const SIGNAL = named('SIGTERM to a server that does not listen to it');
const THROWS = named('an application that ends by an exception');

/** Harm that a preload could do, and how it is told. */
const PLANTED: ReadonlyArray<readonly [example: Case, preload: string, told: RegExp]> = [
  [SCRIPT, "process.on('exit', () => { process.exitCode = 9; });", /^ending: code 0 -> code 9$/m],
  [SIGNAL, "process.on('SIGTERM', () => process.exit(1));", /^ending: SIGTERM -> code 1$/m],
  [SCRIPT, "console.log('hello');", /^stdout: .*\n? -> hello/m],
  [SCRIPT, "console.error('hello');", /^stderr: .*\n? -> hello/m],
  [SCRIPT, 'globalThis.leaked = 1;', /globals: \+ leaked$/m],
  [SCRIPT, 'process.leaked = 1;', /process: \+ leaked$/m],
  [SCRIPT, "process.env.LEAKED = '1';", /environment: \+ LEAKED$/m],
  [SCRIPT, "process.on('uncaughtException', () => {});", /listeners\.uncaughtException: absent -> 1$/m],
  [SCRIPT, 'setTimeout(() => {}, 200);', /handles: \+ Timeout$/m],
  [SCRIPT, 'Error.stackTraceLimit = 3;', /stackTraceLimit: 10 -> 3$/m],
  [SCRIPT, 'Error.prepareStackTrace = String;', /prepareStackTrace: .*function String/ms],
  [SCRIPT, 'const log = console.log; console.log = (...all) => log(...all);', /functions\.console\.log: /m],
  [THROWS, 'Error.stackTraceLimit = 1;', /^stack: - at /m],
  [THROWS, "process.on('uncaughtException', () => process.exit(1));", /^stderr: /m],
  [
    SERVER,
    "const { Server } = require('node:http'); const emit = Server.prototype.emit; Server.prototype.emit = function (event, ...all) { if (event === 'request') { all[0].leaked = 1; all[1].setHeader('X-Leaked', '1'); all[1].on('close', () => {}); } return emit.call(this, event, ...all); };",
    /request\.request: \+ leaked$/m,
  ],
  [
    SERVER,
    "const { Server } = require('node:http'); const emit = Server.prototype.emit; Server.prototype.emit = function (event, ...all) { if (event === 'request') all[1].setHeader('X-Leaked', '1'); return emit.call(this, event, ...all); };",
    /^answers\.0: .*X-App.* -> .*X-Leaked/m,
  ],
  [
    SERVER,
    "const { Server } = require('node:http'); const emit = Server.prototype.emit; Server.prototype.emit = function (event, ...all) { if (event === 'request') all[1].on('close', () => {}); return emit.call(this, event, ...all); };",
    /listeners\.close: absent -> 1$/m,
  ],
  [
    SERVER,
    "const { Server } = require('node:http'); const emit = Server.prototype.emit; Server.prototype.emit = function (event, ...all) { return event !== 'request' && emit.call(this, event, ...all); };",
    /^answers\.0: .*200 .* -> .*none/m,
  ],
];

describe('planted harm is found:', { concurrency: 4 }, () => {
  for (const [example, text, told] of PLANTED) {
    test(text.slice(0, 80), async (t) => {
      const preload = join(scratchDir(t, 'planted'), 'preload.cjs');
      writeFileSync(preload, text);
      const [without, withHarm] = await Promise.all([
        observe(t, example, undefined),
        observe(t, example, preload),
      ]);
      assert.match(differences(without, withHarm).join('\n'), told);
    });
  }

  test('a process that takes longer to end', () => {
    const seen: Observation = {
      ending: 'code 0',
      stdout: '',
      stderr: '',
      stack: [],
      answers: [],
      probes: {},
      milliseconds: 50,
    };
    assert.deepEqual(differences(seen, seen), []);
    assert.deepEqual(differences(seen, { ...seen, milliseconds: 30_050 }), ['time: 30000 ms longer']);
  });
});
