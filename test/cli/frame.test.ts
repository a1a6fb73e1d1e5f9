/* oxlint-disable no-control-regex -- what a terminal takes as orders is what is tested */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { COMMANDS } from '../../src/cli/commands.js';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { buildProgram } from '../../src/cli/program.js';
import { SETTINGS } from '../../src/config/settings.js';
import { kebab } from '../../src/cli/arguments/flags.js';
import { scratchDir } from '../helpers/scratch.js';
import { newFilledStore, traffic } from './filled-store.js';
import { cliEnvironment, PROGRAM_FILE, runProgram } from './program.js';
import { PseudoTerminal, plainText } from './pseudo-terminal.js';

const shown = COMMANDS.filter(({ isHidden }) => isHidden !== true);

describe('the command line', { concurrency: 3 }, () => {
  test('every command has help with examples, which it accepts', async () => {
    for (const { name, examples } of shown) {
      const { code, stdout, stderr } = await runProgram([name, '--help']);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^Usage: orchestrator ${name} `));
      assert.match(stdout, /--json/);
      assert.ok(examples.length > 0, `${name} has no example`);
      for (const { command } of examples) assert.ok(stdout.includes(`$ orchestrator ${command}`), command);
    }
  });

  test('every setting is a flag of every command', () => {
    const program = buildProgram(COMMANDS, () => undefined);
    for (const command of program.commands.filter(({ options }) => options.length > 0)) {
      const flags = new Set(command.options.map(({ long }) => long));
      for (const name of Object.keys(SETTINGS))
        assert.ok(flags.has(`--${kebab(name)}`), `${command.name()} ${name}`);
    }
  });

  test('the exit codes are those of sysexits.h, and different', () => {
    const codes = Object.values(EXIT_CODES).map(({ code }) => code);
    assert.equal(new Set(codes).size, codes.length);
    assert.deepEqual(
      codes.filter((code) => code > 2 && code < 64),
      [],
    );
  });

  for (const [args, code, sentence] of [
    [['project'], 64, /Unknown command 'project' \(Did you mean projects\?\) See "orchestrator --help"\./],
    [['projects', '--tops', '1'], 64, /Unknown option '--tops'.*See "orchestrator projects --help"\./],
    [
      ['series', 'shop', '--top', 'many'],
      64,
      /--top: "many" is not allowed\. Allowed: a whole number from 1/,
    ],
    [
      ['projects', '--metrics-ttl', '0'],
      78,
      /--metrics-ttl: "0" is not allowed\. Allowed: a whole number from 1/,
    ],
    [['series'], 64, /Which project\? Name it, or set ORCHESTRATOR_PREFIX\./],
    [['series', '???'], 64, /"\?\?\?" is no name of a project/],
    [
      ['projects', '--store', 'memory'],
      78,
      /ORCHESTRATOR_STORE=memory: .* Set ORCHESTRATOR_STORE to redis or local\./,
    ],
    [['projects', '--redis-password', 'x'], 78, /ORCHESTRATOR_REDIS_PASSWORD needs the address of a Redis/],
    [
      ['doctor', 'shop', '--folder', '/nowhere', '--', 'app.js'],
      66,
      /--folder: there is no folder \/nowhere\./,
    ],
    [
      ['init', '--yes', '--redis-user', '--redis-url', 'unix:///run/redis.sock'],
      64,
      /--redis-user needs an address with a host: .*ORCHESTRATOR_REDIS_USERNAME/,
    ],
    [['projects', ''], 64, /An argument is empty, as of a variable that is not set\./],
    [
      ['wipe', 'shop', '--yes', '--family', ''],
      64,
      /--family: "" is not allowed\. Allowed: .* at least one\./,
    ],
    [['diff', 'nowhere.json'], 64, /With what is "nowhere\.json" to be compared\?/],
    [['completion', 'tcsh'], 64, /"tcsh" is no shell that is known: bash, zsh, fish, powershell\./],
  ] as const) {
    test(`${args.join(' ')} ends with ${code} and a sentence`, async () => {
      const finished = await runProgram(args);
      assert.match(finished.stderr, sentence);
      assert.equal(finished.stderr.trim().split('\n').length, 1, finished.stderr);
      assert.equal(finished.stdout, '');
      assert.equal(finished.code, code);
    });
  }

  test('a secret among the flags is not printed', async () => {
    const { stderr } = await runProgram(['projects', '--redis-url', 'http://user:hunter2@host']);
    assert.match(stderr, /--redis-url: .* is not allowed/);
    assert.doesNotMatch(stderr, /hunter2/);
  });

  test('with --json an error is JSON on stdout as well', async () => {
    const { stdout, code } = await runProgram(['series', 'shop', '--json'], {
      env: { ORCHESTRATOR_REDIS_URL: 'redis://127.0.0.1:1' },
    });
    const { error } = JSON.parse(stdout) as { error: { ending: string; message: string } };
    assert.equal(error.ending, 'unavailable');
    assert.match(error.message, /ECONNREFUSED/);
    assert.equal(code, 69);
  });

  test('a flag wins over its variable', async () => {
    const { stderr } = await runProgram(['projects', '--redis-url', 'redis://127.0.0.1:2'], {
      env: { ORCHESTRATOR_REDIS_URL: 'redis://127.0.0.1:1' },
    });
    assert.match(stderr, /127\.0\.0\.1:2: connect ECONNREFUSED/);
  });

  test('the help without a command ends with 0', async () => {
    for (const args of [[], ['--help'], ['help']]) {
      const { code, stdout } = await runProgram(args);
      assert.equal(code, 0);
      for (const { name } of shown) assert.match(stdout, new RegExp(`^  ${name} `, 'm'));
    }
    const full = openSync('/dev/full', 'w');
    const unsaid = await runProgram(['--help'], { stdout: full });
    closeSync(full);
    assert.match(unsaid.stderr, /^orchestrator: The output cannot be written: ENOSPC.*\.\n$/);
    assert.equal(unsaid.code, 74);
    assert.match((await runProgram(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  });
});

describe('output', { concurrency: 2 }, () => {
  test('there are colours on a terminal, and none in a pipe or with NO_COLOR', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const terminal = new PseudoTerminal(t, ['projects'], { env: store.env });
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assert.match(terminal.output, /\u001B\[1m/);
    assert.match(plainText(terminal.output), /^PROJECT .*\nshop /);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
      const plain = new PseudoTerminal(t, ['projects'], { env: { ...store.env, ...env } });
      await plain.ended();
      assert.doesNotMatch(plain.output, /\u001B/);
      assert.match(plain.output, /shop/);
    }
    const piped = await runProgram(['projects'], { env: { ...store.env, NO_COLOR: undefined, CI: 'true' } });
    assert.doesNotMatch(piped.stdout, /\u001B/);
    assert.match(piped.stdout, /^PROJECT .*\nshop /);
  });

  test('with --json it is one value, also of what fails', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const folder = scratchDir(t, 'application');
    writeFileSync(join(folder, 'package.json'), '{"name":"shop"}');
    for (const [args, code] of [
      [['projects'], 0],
      [['instances', 'shop'], 0],
      [['series', 'shop'], 0],
      [['snapshot', 'shop'], 0],
      [['diff', 'shop', 'shop'], 0],
      [['watch', 'shop', '--count', '1'], 0],
      [['completion', 'zsh'], 0],
      [['completion', 'tcsh'], 64],
      [['load', 'http://127.0.0.1:1/', '--for', '100ms'], 69],
      [['wipe', 'shop'], 64],
      [['wipe', 'nobody', '--yes'], 66],
      [['init', '--folder', folder], 64],
      [['init', '--folder', folder, '--dry-run'], 0],
      [['migrate', '--folder', folder, '--dry-run'], 0],
      [['wipe', 'shop', '--yes'], 0],
    ] as const) {
      const ended = await runProgram([...args, '--json'], { env: store.env });
      assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
      assert.equal(typeof JSON.parse(ended.stdout), 'object', args.join(' '));
    }
    assert.deepEqual(readdirSync(folder), ['package.json']);
  });

  test('a reader that leaves is no failure', async (t) => {
    const store = await newFilledStore(t, 'local');
    const instance = store.instance('shop');
    const routes = Array.from({ length: 1500 }, (_, index) => `/r${index}`);
    await instance.send(traffic(1, routes));
    const child = spawn(
      'sh',
      ['-c', `"${process.execPath}" "${PROGRAM_FILE}" snapshot shop; echo "ended with $?" >&2`],
      { env: cliEnvironment(store.env), stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (piece: Buffer) => (said += piece.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    await once(child, 'close');
    assert.equal(said, 'ended with 0\n');
  });

  test('a label cannot give orders to a terminal', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1, ['/a\u001B]0;owned\u0007\u009B31m']));
    for (const args of [
      ['series', 'shop'],
      ['snapshot', 'shop'],
    ]) {
      const terminal = new PseudoTerminal(t, args, { env: store.env });
      await terminal.ended();
      assert.match(terminal.output, /owned/);
      assert.doesNotMatch(terminal.output, /\u001B\]|\u0007|\u009B/);
    }
  });
});

describe('completion', () => {
  test('bash completes commands, flags and projects with the script', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    await store.instance('crm').send(traffic(1));
    const completed = async (...words: readonly string[]): Promise<string[]> => {
      const line = ['orchestrator', ...words];
      const script = `
        orchestrator() { "${process.execPath}" "${PROGRAM_FILE}" "$@"; }
        _get_comp_words_by_ref() { cur="\${COMP_WORDS[COMP_CWORD]}"; prev="\${COMP_WORDS[COMP_CWORD-1]}"; words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
        source <(orchestrator completion bash)
        COMP_WORDS=(${line.map((word) => `'${word}'`).join(' ')})
        COMP_CWORD=${line.length - 1}
        COMP_LINE='${line.join(' ')}'
        COMP_POINT=\${#COMP_LINE}
        $(complete -p orchestrator | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const child = spawn('bash', ['-c', script], {
        env: cliEnvironment(store.env),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      child.stdout.on('data', (piece: Buffer) => (out += piece.toString()));
      await once(child, 'close');
      return out
        .split('\n')
        .map((one) => one.trim().split(/\s/, 1)[0] ?? '')
        .filter((one) => one !== '');
    };
    assert.deepEqual(await completed('wat'), ['watch']);
    assert.deepEqual((await completed('series', '')).toSorted(), ['crm', 'shop']);
    assert.deepEqual(await completed('series', '--to'), ['--top']);
    assert.deepEqual((await completed('snapshot', '--format', '')).toSorted(), ['openmetrics', 'text']);
  });

  test('every shell has a script, and zsh and fish read what it asks for', async () => {
    for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
      const { code, stdout } = await runProgram(['completion', shell]);
      assert.equal(code, 0);
      assert.match(stdout, /orchestrator complete '?--'?/);
    }
    const { stdout } = await runProgram(['complete', '--', 'ser']);
    assert.match(stdout, /^serve\t[^\n]+\nseries\t[^\n]+\n:\d+\n$/);
  });

  test('a store that does not answer costs no completion of commands', async (t) => {
    const env = {
      ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'none'),
      ORCHESTRATOR_REDIS_URL: 'redis://127.0.0.1:1',
    };
    const { stdout, stderr } = await runProgram(['complete', '--', 'series', ''], { env });
    assert.match(stdout, /^:\d+\n$/);
    assert.equal(stderr, '');
  });
});
