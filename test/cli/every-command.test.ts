import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';

import { COMMANDS } from '../../src/cli/commands.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, suiteOwner } from '../helpers/owner.js';
import { freePort } from '../helpers/ports.js';
import { type RedisServer, startRedis } from '../helpers/redis.js';
import { applicationFolder } from './doctor/bench.js';
import { FilledStore, traffic } from './filled-store.js';
import { runProgram, startOrchestrator } from './program.js';
import { plainText, PseudoTerminal } from './pseudo-terminal.js';

/** Every command, with each thing that an operator meets, in a pipe and on a terminal: no cell is missing. */

type Fault = 'wrong password' | 'unreachable store' | 'unknown project' | 'full disk';

/** How a command ends, and the line that says why. */
interface Cell {
  readonly code: number;
  readonly says: RegExp;
  /** Where in a pipe; errors are on stderr, with nothing on stdout. */
  readonly on?: 'stdout';
  /** It goes on, and is told to end when it has said that. */
  readonly lasts?: true;
  /** In place of those of the row. */
  readonly words?: readonly string[];
}

interface Row extends Readonly<Record<Fault, Cell>> {
  /** PROJECT, DOOMED, FOLDER, URL and NOBODY stand for what the fault has. */
  readonly words: readonly string[];
}

const REFUSED: Cell = {
  code: 77,
  says: /^orchestrator: redis 127\.0\.0\.1:\d+: WRONGPASS .*Check user and password in ORCHESTRATOR_REDIS_URL.*$/m,
};
const AWAY: Cell = {
  code: 69,
  says: /^orchestrator: redis 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1\.$/m,
};
const UNKNOWN: Cell = {
  code: 66,
  says: /^orchestrator: There is no project "nope" in redis .*\. It has: .*shop\.$/m,
};
const FULL: Cell = { code: 74, says: /^orchestrator: The output cannot be written: ENOSPC.*\.$/m };

const reading = (...words: string[]): Row => ({
  words,
  'wrong password': REFUSED,
  'unreachable store': AWAY,
  'unknown project': UNKNOWN,
  'full disk': FULL,
});

/** Neither asks the store nor names a project of it: it does its work whatever the settings say. */
const apart = (says: RegExp, ...words: string[]): Row => {
  const works: Cell = { code: 0, says, on: 'stdout' };
  return {
    words,
    'wrong password': works,
    'unreachable store': works,
    'unknown project': works,
    'full disk': FULL,
  };
};

const TABLE: Readonly<Record<string, Row>> = {
  serve: {
    words: ['serve', 'PROJECT', '--host', '127.0.0.1', '--port', '0'],
    'wrong password': REFUSED,
    'unreachable store': {
      code: 0,
      lasts: true,
      says: /^Not ready yet: redis 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1\.$/m,
    },
    'unknown project': {
      code: 0,
      lasts: true,
      says: /^There is no project "nope" in redis .* yet\. It is 404 until something of it is written\.$/m,
    },
    'full disk': { ...FULL, words: ['serve', '--host', '127.0.0.1', '--port', '0', '--json'] },
  },
  projects: {
    ...reading('projects', 'PROJECT'),
    // A list of what matches may be empty.
    'unknown project': { code: 0, says: /^There is no project that matches nope in redis .*\.$/m },
  },
  instances: reading('instances', 'PROJECT'),
  series: reading('series', 'PROJECT'),
  snapshot: reading('snapshot', 'PROJECT'),
  diff: {
    ...reading('diff', 'PROJECT', '--wait', '100ms'),
    'full disk': { ...FULL, words: ['diff', 'PROJECT', 'PROJECT', '--json'] },
  },
  watch: reading('watch', 'PROJECT'),
  wipe: {
    ...reading('wipe', 'PROJECT', '--yes'),
    'full disk': { ...FULL, words: ['wipe', 'DOOMED', '--yes', '--json'] },
  },
  doctor: {
    words: ['doctor', 'PROJECT', '--folder', 'FOLDER'],
    'wrong password': { code: 2, on: 'stdout', says: /^broken +redis 127\.0\.0\.1:\d+: WRONGPASS .*$/m },
    'unreachable store': {
      code: 2,
      on: 'stdout',
      says: /^broken +redis 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1\.$/m,
    },
    'unknown project': {
      code: 1,
      on: 'stdout',
      says: /^warning +redis 127\.0\.0\.1:\d+ has no data of the project "nope"\.$/m,
    },
    'full disk': { ...FULL, words: ['doctor', 'nope', '--folder', 'FOLDER'] },
  },
  init: apart(
    /^Nothing was written\. Without --dry-run it would be \d files\./m,
    'init',
    '--yes',
    '--dry-run',
    '--folder',
    'FOLDER',
  ),
  migrate: apart(/^Nothing to migrate: /m, 'migrate', '--folder', 'FOLDER'),
  load: {
    ...apart(/^1 requests in .*: 1 x 200, /m, 'load', 'URL', '--rate', '1', '--for', '100ms'),
    // What it cannot reach is its target.
    'unreachable store': {
      code: 69,
      says: /^orchestrator: Nobody answered at http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED\.$/m,
      words: ['load', 'NOBODY', '--rate', '1', '--for', '100ms'],
    },
  },
  completion: apart(/orchestrator complete/m, 'completion', 'bash'),
};

/** Each mode wipes its own. */
const DOOMED = { 'in a pipe': 'doomed-1', 'on a terminal': 'doomed-2' } as const;

const FAULTS: readonly Fault[] = ['wrong password', 'unreachable store', 'unknown project', 'full disk'];

test('no command is missing', () => {
  assert.deepEqual(
    Object.keys(TABLE),
    COMMANDS.filter(({ isHidden }) => isHidden !== true).map(({ name }) => name),
  );
});

describe('each ends with a clear sentence and its exit code', { concurrency: 3 }, () => {
  const owner = suiteOwner();
  const place = prepare();

  async function prepare(): Promise<Place> {
    const server = createServer((_request, response) => response.end('ok'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onEnd(owner, () => void server.close());
    const address = server.address();
    const redis = await startRedis(owner);
    const store = new FilledStore(owner, { redis });
    await store.instance('shop').send(traffic(1));
    for (const project of Object.values(DOOMED)) await store.instance(project).send(traffic(1));
    const values = {
      NOBODY: `http://127.0.0.1:${await freePort()}/`,
      FOLDER: applicationFolder(owner),
      URL: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`,
    };
    return { values, redis };
  }

  for (const [name, row] of Object.entries(TABLE)) {
    for (const mode of ['in a pipe', 'on a terminal'] as const) {
      test(`${name} ${mode}`, async (t) => {
        const { values, redis } = await place;
        for (const fault of FAULTS) {
          const cell = row[fault];
          const known: Variables = {
            ...values,
            PROJECT: fault === 'unknown project' ? 'nope' : 'shop',
            DOOMED: DOOMED[mode],
          };
          const words = (cell.words ?? row.words).map((word) => known[word] ?? word);
          const url =
            fault === 'wrong password'
              ? redis.urlFor('nobody', 'geheim')
              : fault === 'unreachable store'
                ? 'redis://127.0.0.1:1'
                : redis.url;
          const env = {
            ORCHESTRATOR_REDIS_URL: url,
            OTEL_EXPORTER_PROMETHEUS_HOST: '0.0.0.0',
            OTEL_EXPORTER_PROMETHEUS_PORT: '1',
          };
          if (mode === 'in a pipe') await inPipe(t, words, env, cell, fault);
          else await onTerminal(t, words, env, cell, fault);
        }
      });
    }
  }
});

interface Place {
  readonly values: Readonly<Record<string, string>>;
  readonly redis: RedisServer;
}

type Variables = Readonly<Record<string, string>>;

async function inPipe(
  t: TestContext,
  words: readonly string[],
  env: Variables,
  { code, says, on, lasts }: Cell,
  fault: Fault,
): Promise<void> {
  const what = `${words.join(' ')}: ${fault}`;
  if (lasts === true) {
    const program = startOrchestrator(t, words, { env });
    await program.waitForStderr(says);
    assert.equal((await program.end('SIGTERM')).code, code, what);
    return;
  }
  const full = fault === 'full disk' ? openSync('/dev/full', 'w') : undefined;
  const ended = await runProgram(words, { env, ...(full !== undefined && { stdout: full }) });
  if (full !== undefined) closeSync(full);
  assert.match(on === 'stdout' ? ended.stdout : ended.stderr, says, what);
  assert.equal(ended.code, code, what);
  assert.doesNotMatch(ended.stdout + ended.stderr, /geheim/, what);
  if (code < 64) return;
  assert.equal(ended.stdout.replace(/^.* requests in .*\n/, ''), '', what);
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, `${what}: ${ended.stderr}`);
}

async function onTerminal(
  t: TestContext,
  words: readonly string[],
  env: Variables,
  { code, says, lasts }: Cell,
  fault: Fault,
): Promise<void> {
  const what = `${words.join(' ')}: ${fault}`;
  const redirection = fault === 'full disk' ? '> /dev/full' : '';
  const terminal = new PseudoTerminal(t, words, { env, redirection, columns: 400 });
  if (lasts === true) {
    await eventually(() => assert.match(plainText(terminal.output), says, what));
    await eventually(() => assert.match(terminal.output, / serves /, what));
    terminal.type('\u0003');
  }
  assert.deepEqual(await terminal.ended(), { code, restored: true }, `${what}: ${terminal.output}`);
  assert.match(plainText(terminal.output), says, what);
  assert.doesNotMatch(terminal.output, /geheim|\[\?1049h/, what);
}
