import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

import { completion } from '../../src/cli/commands/completion.js';
import { startProgram } from '../helpers/app-process.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';
import { writeFiles } from './doctor/bench.js';
import { newFilledStore, traffic } from './filled-store.js';
import { PROGRAM_FILE } from './program.js';

/** The scripts of `completion`, installed as its help says, in real shells on a pseudo-terminal; keys are typed. */

const READY = 'READY> ';

interface Shell {
  /** Reads its start files from HOME, and asks with READY. */
  readonly interactive: readonly string[];
  /** Runs one line in the same way. */
  readonly once: readonly string[];
  readonly startFiles: Readonly<Record<string, string>>;
  readonly folders: readonly string[];
}

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: {
    interactive: ['bash', '-i'],
    once: ['bash', '-c'],
    startFiles: { '.bashrc': `source /usr/share/bash-completion/bash_completion\nPS1='${READY}'\n` },
    folders: ['.local/share/bash-completion/completions'],
  },
  zsh: {
    interactive: ['zsh', '-i'],
    once: ['zsh', '-ic'],
    startFiles: {
      '.zshrc': `fpath=("$HOME/functions" $fpath)\nautoload -Uz compinit\ncompinit -u\nPROMPT='${READY}'\n`,
    },
    folders: ['functions'],
  },
  fish: {
    interactive: ['fish', '-i'],
    once: ['fish', '-c'],
    startFiles: {
      '.config/fish/config.fish': `function fish_prompt\n  echo -n '${READY}'\nend\nset -g fish_greeting\n`,
    },
    folders: ['.config/fish/completions'],
  },
};

/** What is typed before Tab, and what the program is called with after it. */
const TYPED = [
  ['wat', 'watch'],
  ['series sh', 'series shop'],
  ['series --to', 'series --top'],
  ['snapshot --format op', 'snapshot --format openmetrics'],
] as const;

async function run(t: TestContext, words: readonly string[], env: Record<string, string>): Promise<string> {
  const [command = '', ...args] = words;
  const { code, stdout, stderr } = await startProgram(t, command, args, { env, cwd: env['HOME'] ?? '/' })
    .ending;
  assert.equal(code, 0, `${words.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

for (const [name, { interactive, once, startFiles, folders }] of Object.entries(SHELLS)) {
  test(`${name} completes commands, projects, flags and their values`, async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const home = scratchDir(t, 'home');
    for (const folder of folders) mkdirSync(join(home, folder), { recursive: true });
    // What is completed is not run, but said.
    const program = `#!/bin/sh
case $1 in complet*) exec "${process.execPath}" "${PROGRAM_FILE}" "$@" ;; esac
echo "CALLED $*"
`;
    writeFiles(home, { ...startFiles, 'bin/orchestrator': program });
    chmodSync(join(home, 'bin', 'orchestrator'), 0o755);
    const env = {
      ...store.env,
      HOME: home,
      ZDOTDIR: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_DATA_HOME: join(home, '.local', 'share'),
      PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`,
      TERM: 'xterm',
    };
    const install = completion.examples.find(({ command }) => command.startsWith(`completion ${name} `));
    await run(t, [...once, `orchestrator ${install?.command ?? ''}`], env);

    const steps: Array<readonly [shows: string, keys: string]> = TYPED.map(([typed], index) => [
      index === 0 ? READY : `CALLED ${TYPED[index - 1]?.[1] ?? ''}`,
      `orchestrator ${typed}\t\r`,
    ]);
    steps.push([`CALLED ${TYPED.at(-1)?.[1] ?? ''}`, 'exit\r']);
    const driver = join(PACKAGE_ROOT, 'test', 'fixtures', 'terminal', 'keys.py');
    const [shell = '', ...flags] = interactive;
    const path = (await run(t, ['sh', '-c', `command -v ${shell}`], env)).trim();
    const output = await run(t, ['python3', driver, JSON.stringify(steps), path, ...flags], env);
    const [, untyped] = /STATUS -?\d+ UNTYPED (\d+)\s*$/.exec(output) ?? [];
    assert.equal(untyped, '0', output);
  });
}
