import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';

import { scratchDir } from '../helpers/scratch.js';
import { applicationFolder } from './doctor/bench.js';
import { FilledStore, traffic } from './filled-store.js';
import { cliEnvironment, PROGRAM_FILE } from './program.js';
import { plainText, PseudoTerminal } from './pseudo-terminal.js';

describe('on a terminal', { concurrency: 2 }, () => {
  test('doctor lists what it finds, and ends with 2 for what is broken', async (t) => {
    const folder = applicationFolder(t);
    const env = { ORCHESTRATOR_REDIS_URL: 'redis://127.0.0.1:1', ORCHESTRATOR_PREFIX: 'shop' };
    const terminal = new PseudoTerminal(t, ['doctor', '--folder', folder], { env });
    assert.deepEqual(await terminal.ended(), { code: 2, restored: true });
    assert.match(plainText(terminal.output), /127\.0\.0\.1:1/);
    assert.ok(terminal.output.includes('\u001B['));
  });

  test('migrate shows each metric, and a dry run writes nothing', async (t) => {
    const folder = scratchDir(t, 'migrate');
    writeFileSync(
      join(folder, 'package.json'),
      '{"name":"shop","scripts":{"start":"node app.js"},"dependencies":{"prom-client":"^15.0.0"}}',
    );
    writeFileSync(
      join(folder, 'app.js'),
      "const { Counter } = require('prom-client');\nnew Counter({ name: 'orders_total', help: 'Orders' });\n",
    );
    const terminal = new PseudoTerminal(t, ['migrate', '--dry-run', '--folder', folder]);
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assert.match(plainText(terminal.output), /orders_total/);
    assert.deepEqual(readdirSync(folder).toSorted(), ['app.js', 'package.json']);
  });

  test('load says what it sent', async (t) => {
    let requests = 0;
    const server = createServer((_request, response) => response.end(String(++requests)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const terminal = new PseudoTerminal(t, ['load', url, '--for', '1s']);
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assert.ok(requests > 0);
    assert.match(plainText(terminal.output), new RegExp(`\\b${requests}\\b`));
  });
});

const skip = process.getuid?.() === 0 ? false : 'only root can make a small disk';

describe('on a disk that is full', { skip }, () => {
  const PACKAGE =
    '{"name":"shop","scripts":{"start":"node app.js"},"dependencies":{"prom-client":"^15.0.0"}}';
  const SCRIPT = `mount -t tmpfs -o size=16k tmpfs . && cd "$PWD" && cp ../package.json . && (dd if=/dev/zero of=fill bs=1k count=64 2> ../dd; true)
"$@"; echo "ended with $?" >&2; cp package.json ../after.json; ls > ../files`;

  for (const args of [['init', '--yes'], ['migrate']]) {
    test(`${args.join(' ')} says so, ends with 74 and leaves the files as they were`, (t) => {
      const around = scratchDir(t, 'full');
      const folder = join(around, 'disk');
      writeFileSync(join(around, 'package.json'), PACKAGE);
      const program = [process.execPath, PROGRAM_FILE, ...args];
      const { stderr } = spawnSync(
        'unshare',
        ['--mount', 'sh', '-c', `mkdir "${folder}" && cd "${folder}" && ${SCRIPT}`, 'sh', ...program],
        { env: cliEnvironment({}), encoding: 'utf8' },
      );
      assert.match(
        stderr,
        /^orchestrator: \/.*\/disk\/package\.json cannot be written: ENOSPC: no space left on device, .*\. It is as it was\.$/m,
      );
      assert.match(stderr, /^ended with 74$/m);
      assert.equal(readFileSync(join(around, 'after.json'), 'utf8'), PACKAGE);
      assert.equal(readFileSync(join(around, 'files'), 'utf8'), 'fill\npackage.json\n');
    });
  }

  /** Runs a command where `disk` is full, with a copy of a local store on it. */
  async function onFullDisk(t: TestContext, disk: string, args: readonly string[]): Promise<string> {
    const directory = scratchDir(t, 'store');
    const store = new FilledStore(t, { directory });
    await store.instance('shop').send(traffic(1));
    const script = `mount -t tmpfs -o size=8m tmpfs "${disk}" && cp -r "${directory}/." "${disk}"
dd if=/dev/zero of="${disk}/fill" bs=4k 2> /dev/null
"$@"; echo "ended with $?" >&2`;
    const program = [process.execPath, PROGRAM_FILE, ...args];
    const { stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...program], {
      env: cliEnvironment({ ORCHESTRATOR_LOCAL_DIR: disk, TMPDIR: disk }),
      encoding: 'utf8',
    });
    return stderr;
  }

  test('wipe of a local store makes room', async (t) => {
    const stderr = await onFullDisk(t, scratchDir(t, 'disk'), ['wipe', 'shop', '--yes']);
    assert.match(stderr, /^Deleted: all metrics of "shop"\.\nended with 0$/m);
  });

  test('doctor cannot look into an application, and says which folder is full', async (t) => {
    const disk = scratchDir(t, 'disk');
    const stderr = await onFullDisk(t, disk, ['doctor', 'shop', '--', '--version']);
    assert.match(
      stderr,
      /^orchestrator: The folder for temporary files, \S+, cannot be written: ENOSPC.*\. TMPDIR names another one\.$/m,
    );
    assert.match(stderr, /^ended with 74$/m);
  });
});
