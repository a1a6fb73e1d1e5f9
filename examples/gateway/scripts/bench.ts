import { cpus } from 'node:os';

import autocannon from 'autocannon';

import { Program, programPath } from '../demo/program.js';
import { startNginx } from '../demo/servers.js';
import { GatewayProcess, ROOT } from '../test/helpers/gateway-process.js';
import { writeReadmeSection } from './readme-section.js';

const ROUNDS = 7;
const SECONDS = 4;
const CONNECTIONS = 20;
const README_START = '<!-- bench: npm run bench -- --write -->';
const README_END = '<!-- end of bench -->';

interface Contender {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A script of this folder, which prints its address. */
async function startScript(name: string, script: string, ...args: string[]): Promise<Contender> {
  const program = new Program(process.execPath, {
    args: [`dist/scripts/${script}`, ...args],
    cwd: ROOT,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production' },
  });
  const url = await program.until(() => {
    const address = /"address":"([^"]+)"/.exec(program.output)?.[1];
    if (address === undefined) throw new Error(`${script} does not listen`);
    return address;
  });
  return { name, url, stop: () => program.stop() };
}

async function startGateway(base: string): Promise<Contender> {
  const config = {
    upstreams: { users: { targets: [{ url: base }] } },
    routes: [{ name: 'users', path: '/users/:id', upstream: 'users' }],
  };
  const gateway = await GatewayProcess.start({ config, env: { NODE_ENV: 'production' } });
  return { name: 'this gateway', url: gateway.url, stop: () => gateway.stop() };
}

/** All are there at once, and are asked in turns: what else the machine does hits each alike. */
async function contenders(): Promise<Contender[]> {
  const service = await startScript('the service alone', 'bench-upstream.js');
  const nginx = await startNginx(service.url);
  return [
    service,
    {
      name: 'nginx, one worker',
      url: `http://127.0.0.1:${nginx.port}`,
      stop: () => nginx.stop(),
    },
    await startScript('bare `@fastify/reply-from`', 'bench-reply-from.js', service.url),
    await startGateway(service.url),
  ];
}

async function measure({ name, url }: Contender, seconds: number): Promise<Figures> {
  const result = await autocannon({
    url: `${url}/users/1`,
    connections: CONNECTIONS,
    duration: seconds,
  });
  if (result.non2xx > 0 || result.errors > 0)
    throw new Error(`${name}: ${result.non2xx} answers that are not 2xx, ${result.errors} errors`);
  const { p50, p99 } = result.latency;
  return { perSecond: result['2xx'] / result.duration, p50Ms: p50, p99Ms: p99 };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function medians(rounds: readonly Figures[]): Figures {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p50Ms: median(rounds.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(rounds.map(({ p99Ms }) => p99Ms)),
  };
}

/** Ratios are of one round each, and then their median: rounds differ more than what is compared. */
function table(results: ReadonlyMap<string, readonly Figures[]>): string {
  const gateway = [...results.values()].at(-1) ?? [];
  const rows = [...results].map(([name, rounds]) => {
    const { perSecond, p50Ms, p99Ms } = medians(rounds);
    const ratio = median(
      rounds.map((figures, round) => (gateway[round]?.perSecond ?? 0) / figures.perSecond),
    );
    return `| ${name} | ${perSecond.toFixed(0)} | ${p50Ms} ms | ${p99Ms} ms | ${ratio.toFixed(2)} |`;
  });
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${date}, ${cpus().length} cores, which clients, proxy and service share; Node.js ${process.versions.node}; ${CONNECTIONS} connections; medians of ${ROUNDS} interleaved rounds of ${SECONDS} s.`,
    '',
    '| Asked | Requests/s | p50 | p99 | Requests/s of the gateway, divided by these |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

async function main(): Promise<void> {
  programPath('nginx', 'nginx');
  const all = await contenders();
  try {
    const results = new Map<string, Figures[]>(all.map(({ name }) => [name, []]));
    for (const contender of all) await measure(contender, 2);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const contender of round % 2 === 0 ? all : all.toReversed())
        results.get(contender.name)?.push(await measure(contender, SECONDS));
      process.stderr.write(`round ${round + 1} of ${ROUNDS}\n`);
    }
    const text = table(results);
    process.stdout.write(`${text}\n`);
    if (process.argv.includes('--write')) writeReadmeSection(README_START, README_END, text);
  } finally {
    await Promise.all(all.map((contender) => contender.stop()));
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
});
