/**
 * CPU per request of a server that does nothing else, beside its peers, in one run: `node dist/benchmarks/http.js [rounds] [server]`.
 * CPU time and not requests per second, because that is what a service pays, and because it can be measured on a machine
 * that others use as well. In each round all variants take a turn, in an order drawn anew; a ratio is the median over
 * rounds of the ratio to `bare` in the same round.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';

import { median, shuffled } from './rounds.js';

const ROUNDS = Number(process.argv[2] ?? 15);
const REQUESTS = 6400;
const WARM_UP = 12_800;
const CONNECTIONS = 64;
const REQUEST = 'GET /users/17 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n';

const APPS = process.argv[3] === undefined ? ['node:http', 'Express 5'] : [process.argv[3]];
const VARIANTS = ['bare', 'orchestrator', 'prom-client', 'HttpInstrumentation', 'auto-instrumentations-node'];
const AUTO_INSTRUMENTATIONS = {
  execArgv: ['--require', '@opentelemetry/auto-instrumentations-node/register'],
  env: {
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_METRICS_EXPORTER: 'prometheus',
    OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    OTEL_NODE_RESOURCE_DETECTORS: 'none',
  },
};

interface Subject {
  readonly variant: string;
  readonly child: ChildProcess;
  readonly port: number;
  readonly perRequest: number[];
}

async function start(app: string, variant: string): Promise<Subject> {
  const auto = variant === 'auto-instrumentations-node' ? AUTO_INSTRUMENTATIONS : undefined;
  const child = fork(join(__dirname, 'http-server-process.js'), [app, variant], {
    execArgv: auto?.execArgv ?? [],
    env: { ...process.env, NODE_ENV: 'production', ...auto?.env },
  });
  const { port } = await answer<{ port: number }>(child);
  return { variant, child, port, perRequest: [] };
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const [message] = await once(child, 'message');
  return message as T;
}

async function cpu({ child }: Subject): Promise<number> {
  child.send('cpu');
  return (await answer<{ cpu: number }>(child)).cpu;
}

/** Requests one after the other on each of a few connections; the body `Hello` ends an answer. */
async function load(port: number, requests: number): Promise<void> {
  const each = requests / CONNECTIONS;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () => {
      const socket = connect(port, '127.0.0.1');
      let left = each;
      socket.write(REQUEST);
      socket.on('data', (data) => {
        if (!data.subarray(-5).equals(END)) return;
        left--;
        if (left === 0) socket.end();
        else socket.write(REQUEST);
      });
      return once(socket, 'close');
    }),
  );
}

const END = Buffer.from('Hello');

async function measure(app: string): Promise<void> {
  const subjects: Subject[] = [];
  for (const variant of VARIANTS) subjects.push(await start(app, variant));
  for (const { port } of subjects) await load(port, WARM_UP);
  for (let round = 0; round < ROUNDS; round++) {
    for (const subject of shuffled(subjects)) {
      const before = await cpu(subject);
      await load(subject.port, REQUESTS);
      subject.perRequest.push(((await cpu(subject)) - before) / REQUESTS);
    }
  }
  const bare = subjects[0]?.perRequest ?? [];
  for (const { variant, perRequest, child } of subjects) {
    child.disconnect();
    const ratio = median(perRequest.map((value, round) => value / (bare[round] ?? Number.NaN)));
    process.stdout.write(
      `| ${app} | ${variant} | ${median(perRequest).toFixed(1)} | ${ratio.toFixed(2)} |\n`,
    );
  }
}

async function main(): Promise<void> {
  process.stdout.write(`Node ${process.version}, ${ROUNDS} rounds of ${REQUESTS} requests\n\n`);
  process.stdout.write('| server | metrics by | CPU µs per request | ratio to bare |\n|---|---|---|---|\n');
  for (const app of APPS) await measure(app);
}

void main();
