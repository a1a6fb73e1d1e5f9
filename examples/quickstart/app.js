'use strict';
// An application as it might be: four workers on one port, nothing in it about metrics.

const cluster = require('node:cluster');
const { createServer } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const WORKERS = 4;

const routes = {
  '/': async () => [200, 'Hello.\n'],
  '/slow': async () => {
    await sleep(100 + Math.random() * 300);
    return [200, 'That took a while.\n'];
  },
  '/checkout': async () => {
    if (Math.random() < 0.3) throw new Error('The payment service did not answer.');
    return [200, 'Thank you.\n'];
  },
};

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  const user = /^\/users\/(\d+)$/.exec(pathname);
  const route = user === null ? routes[pathname] : async () => [200, `User ${user[1]}.\n`];
  try {
    const [status, body] = route === undefined ? [404, 'Not found.\n'] : await route();
    response.writeHead(status).end(body);
  } catch {
    response.writeHead(500).end('Internal error.\n');
  }
}

// One start line is enough here: the primary prints it, the workers print warnings only.
const start = () => cluster.fork({ OTEL_LOG_LEVEL: 'warn' });

const say = (...words) => process.stdout.write(`${words.join(' ')}\n`);

if (cluster.isPrimary) {
  const ready = new Set();
  for (let i = 0; i < WORKERS; i++) start();
  cluster.on('listening', ({ process: { pid } }) => {
    ready.add(pid);
    if (ready.size === WORKERS) say('workers', ...ready);
  });
  cluster.on('exit', ({ process: { pid } }, code, signal) => {
    // Told to end, and so is this process.
    if (signal === 'SIGTERM' || signal === 'SIGINT') return;
    ready.delete(pid);
    say('died', pid, signal ?? code);
    start();
  });
} else {
  createServer(answer).listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
}
