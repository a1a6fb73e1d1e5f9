import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { baseEnvironment } from '../../helpers/app-process.js';
import { PACKAGE_ROOT } from '../../helpers/scratch.js';

const LIFECYCLE = JSON.stringify(join(PACKAGE_ROOT, 'dist', 'src', 'start', 'lifecycle', 'lifecycle.js'));

/** Runs an application around a {@link Lifecycle} whose flushes and ends of leases are written down; answers what it printed. */
async function run(body: string): Promise<{ code: unknown; signal: unknown; printed: string[] }> {
  const script = `
    const { Lifecycle } = require(${LIFECYCLE});
    const say = (line) => require('node:fs').writeSync(1, line + '\\n');
    const settings = { flush: async () => say('flush'), endLease: async () => say('end of lease'), flushOthers: async () => undefined, finish: (waitMs) => say('finish ' + waitMs), exitTimeoutMs: 500 };
    ${body}`;
  const child = spawn(process.execPath, ['-e', script], {
    env: baseEnvironment(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString()));
  const [code, signal] = await once(child, 'close');
  return { code, signal, printed: output.split('\n').slice(0, -1) };
}

const installed = 'const lifecycle = new Lifecycle(settings); lifecycle.install();';

describe('the end of a process', () => {
  test('by an empty event loop flushes, and ends', async () => {
    const { code, printed } = await run(installed);
    assert.equal(code, 0);
    assert.deepEqual(printed.slice(0, 2), ['flush', 'end of lease']);
    assert.ok(printed.length <= 6);
  });

  test('that others hold up by their own beforeExit is not held up by us for ever', async () => {
    const { code, printed } = await run(
      `${installed} let more = 50; process.on('beforeExit', () => { if (more-- > 0) setImmediate(() => {}); });`,
    );
    assert.equal(code, 0);
    assert.ok(printed.filter((line) => line === 'flush').length <= 3);
  });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    test(`by ${signal} flushes, and is by ${signal}`, async () => {
      const ended = await run(
        `${installed} setInterval(() => {}, 1000); process.kill(process.pid, '${signal}');`,
      );
      assert.equal(ended.signal, signal);
      assert.deepEqual(ended.printed.slice(-2), ['end of lease', 'finish 0']);
    });
  }

  test('is not held up by a flush that fails or never ends', async () => {
    for (const flush of [
      "async () => { say('flush'); throw new Error('away'); }",
      "() => { say('flush'); return new Promise(() => {}); }",
    ]) {
      const ended = await run(
        `settings.flush = ${flush}; ${installed} setInterval(() => {}, 1000); process.kill(process.pid, 'SIGTERM');`,
      );
      assert.equal(ended.signal, 'SIGTERM');
      assert.deepEqual(ended.printed, ['flush', 'finish 0']);
      const emptied = await run(`settings.flush = ${flush}; ${installed}`);
      assert.equal(emptied.code, 0);
      assert.deepEqual(emptied.printed, ['flush', 'finish 0']);
    }
  });

  test('of an application with a handler of its own is the affair of that handler; its drain is flushed', async () => {
    const { code, printed } = await run(
      `${installed} process.on('SIGTERM', () => setTimeout(() => { say('drained'); process.exit(3); }, 700));
       setInterval(() => {}, 1000); process.kill(process.pid, 'SIGTERM');`,
    );
    assert.equal(code, 3);
    assert.deepEqual(printed.slice(-2), ['drained', 'finish 500']);
    assert.ok(printed.filter((line) => line === 'flush').length >= 2);
    assert.ok(!printed.includes('end of lease'));
  });

  test('that a listener before ours brings about in its own time is not brought about by us', async () => {
    const { code, printed } = await run(
      `${installed} process.prependOnceListener('SIGTERM', () => setTimeout(() => { say('drained'); process.exit(3); }, 2500));
       setInterval(() => {}, 1000); process.kill(process.pid, 'SIGTERM');`,
    );
    assert.equal(code, 3);
    assert.deepEqual(printed.slice(-2), ['drained', 'finish 500']);
  });

  test('that does not come, because the application began to listen meanwhile, leaves every request to the application', async () => {
    const { code, printed } = await run(
      `settings.flush = () => new Promise(() => {}); ${installed}
       const http = require('node:http');
       const server = http.createServer((request, response) => response.end('answered')).listen(0, '127.0.0.1', () => {
         process.kill(process.pid, 'SIGTERM');
         setTimeout(() => ask('during', () => undefined), 100);
         setTimeout(() => process.on('SIGTERM', () => {
           say('heard');
           ask('after', () => process.exit(4));
         }), 300);
       });
       const ask = (when, then) => http.get({ port: server.address().port, agent: false }, (response) => {
         response.on('data', (data) => say(when + ' ' + data)).on('end', then);
       }).setTimeout(20000, () => process.exit(9));`,
    );
    assert.equal(code, 4);
    assert.deepEqual(printed.toSorted(), [
      'after answered',
      'during answered',
      'finish 0',
      'finish 500',
      'heard',
    ]);
  });

  test('that does not come, for the signal meant something else, is not waited for by flushing for ever', async () => {
    // A day passes in a second.
    const { printed } = await run(
      `const { setInterval: slow } = globalThis; globalThis.setInterval = (f) => slow(f, 1);
       ${installed} process.on('SIGINT', () => {}); process.kill(process.pid, 'SIGINT');
       let count = 0; const flush = settings.flush; settings.flush = async () => { count += 1; };
       setTimeout(() => { const before = count; setTimeout(() => { say(String(count - before)); process.exit(); }, 500); }, 1500);`,
    );
    assert.deepEqual(printed.slice(-2), ['0', 'finish 500']);
  });

  test('is left to others after remove()', async () => {
    const ended = await run(
      `${installed} lifecycle.remove(); setInterval(() => {}, 1000); process.kill(process.pid, 'SIGTERM');`,
    );
    assert.equal(ended.signal, 'SIGTERM');
    assert.deepEqual(ended.printed, []);
  });
});
