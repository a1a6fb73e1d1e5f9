import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';

import { eventually } from '../../helpers/eventually.js';
import { onEnd } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { runOrchestrator, startOrchestrator } from '../program.js';

async function countingServer(context: TestContext): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    response.statusCode = request.url === '/missing' ? 404 : 200;
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(context, () => void server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { url: `http://127.0.0.1:${address.port}/`, paths };
}

test('sends GET requests to all paths, no more than the rate allows, and sums up', async (context) => {
  const { url, paths } = await countingServer(context);
  const args = ['load', url, '--paths', '/,/missing', '--rate', '40', '--for', '1s'];
  const { code, stdout, stderr } = await runOrchestrator(context, [...args, '--json']);
  assert.equal(code, 0, stderr);
  const { sent, statuses, failures } = JSON.parse(stdout) as {
    sent: number;
    statuses: Record<string, number>;
    failures: object;
  };
  assert.ok(sent >= 2 && sent <= 41, String(sent));
  assert.equal(paths.length, sent);
  assert.deepEqual(new Set(paths), new Set(['GET /', 'GET /missing']));
  assert.equal((statuses['200'] ?? 0) + (statuses['404'] ?? 0), sent);
  assert.deepEqual(failures, {});
  const text = await runOrchestrator(context, args);
  assert.match(
    text.stdout,
    /^\d+ requests in [\d.]+ (?:ms|s): \d+ x 200, \d+ x 404, half within .+, 95 % within .+$/m,
  );
});

test('--connections is how many requests are under way at once, and no more', async (context) => {
  const waiting = new Set<ServerResponse>();
  let most = 0;
  let isOver = false;
  const server = createServer((_request, response) => {
    if (isOver) return void response.end('ok');
    waiting.add(response);
    most = Math.max(most, waiting.size);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(context, () => void server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = `http://127.0.0.1:${address.port}/`;
  const words = ['load', url, '--connections', '3', '--rate', '200', '--for', '1s', '--json'];
  const program = startOrchestrator(context, words);
  await eventually(() => assert.equal(waiting.size, 3));
  // None of them is answered until the time is over: whatever else was due is left out.
  setTimeout(() => {
    isOver = true;
    for (const response of waiting) response.end('ok');
  }, 1500);
  const { sent, statuses } = JSON.parse((await program.ending).stdout) as {
    sent: number;
    statuses: object;
  };
  assert.deepEqual([sent, most, statuses], [3, 3, { 200: 3 }]);
});

test('Ctrl+C ends it with its summary', async (context) => {
  const { url, paths } = await countingServer(context);
  const program = startOrchestrator(context, ['load', url, '--for', '10m']);
  await eventually(() => assert.ok(paths.length > 2));
  const { stdout } = await program.end('SIGINT');
  assert.match(stdout, /^\d+ requests in/m);
});

test('only this machine, only HTTP, only within bounds', async (context) => {
  for (const [args, code, said] of [
    [['load', 'http://192.0.2.1/'], 64, /192\.0\.2\.1, which is not this machine/],
    [['load', 'ftp://127.0.0.1/'], 64, /is no URL/],
    [['load', 'http://127.0.0.1/', '--rate', '100000'], 64, /--rate: "100000" is not allowed/],
    [['load', 'http://127.0.0.1/', '--for', '2h'], 64, /--for: "2h" is not allowed/],
    [['load'], 64, /missing required argument/i],
  ] as const) {
    const ending = await runOrchestrator(context, args);
    assert.equal(ending.code, code, args.join(' '));
    assert.match(ending.stderr, said);
  }
});

test('nobody there: a sentence, and the code for a server that does not answer', async (context) => {
  const { code, stderr } = await runOrchestrator(context, [
    'load',
    `http://127.0.0.1:${await freePort()}/`,
    '--for',
    '200ms',
  ]);
  assert.equal(code, 69);
  assert.match(stderr, /^orchestrator: Nobody answered at http:\/\/127\.0\.0\.1:\d+: ECONNREFUSED\.$/m);
});
