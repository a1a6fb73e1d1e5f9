/**
 * Runs benchmarks and writes what they print into docs/benchmarks.md: `node dist/benchmarks/run.js [name …]`, all of them
 * by default. The sections of the others stay as they are. `--node <program>`: with that Node too; may be repeated.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, type as systemType } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

interface Benchmark {
  readonly name: string;
  readonly title: string;
  readonly about: string;
}

const BENCHMARKS: readonly Benchmark[] = [
  {
    name: 'http',
    title: 'CPU per request',
    about:
      'A server that answers `Hello`, metrics only. Budget: at most 1.2 (node:http) and 1.25 (Express 5) times bare, below prom-client by hand, at most half of what auto-instrumentations-node costs; on Node 20 bare Express alone is more than that half.',
  },
  {
    name: 'databases',
    title: 'CPU per command of a database',
    about:
      "Commands without a pause to servers on the same host. *published*: somebody listens to what the driver publishes and does nothing; that part of the cost is the driver's and Node's. pg publishes nothing; its upstream instrumentation measures it.",
  },
  {
    name: 'startup',
    title: 'Start of a process',
    about:
      'An application that does nothing, from spawn to exit. Budget: at most 0.75 times auto-instrumentations-node.',
  },
  {
    name: 'idle',
    title: 'Processes that do nothing',
    about:
      'Budget: at most 3 ms of CPU a second for one process; for fifty of one project on two processors a load below 1, a scrape below 250 ms, and no event loop held above 5 ms by a collection. The load average is that of the machine.',
  },
  {
    name: 'scrape',
    title: 'A scrape',
    about:
      'Budget: at least 5 times faster than prom-client 15, at least 25 times faster than PrometheusSerializer, no stall above 20 ms with 100,000 lines.',
  },
  {
    name: 'cluster',
    title: 'A scrape of a cluster',
    about:
      "From the request to the last byte. Budget: faster than prom-client's cluster registry, and not slower as workers grow.",
  },
  {
    name: 'scrape-load',
    title: 'Scrapes while the application works',
    about:
      "Ten scrapers at once, each asking again as soon as it is answered. Budget: the application's own requests keep their p99 within 2 times of what it is without scrapes; memory returns to its level.",
  },
  {
    name: 'page-viewers',
    title: 'Viewers of the live page',
    about:
      "A page in the process of the application, 200 routes, and each viewer asks every 3 s. Budget: the application's own requests keep their p99 within 1.5 times of what it is without viewers. Reading the store is not in it: that is done once, for one viewer as for fifty.",
  },
  {
    name: 'endpoint-load',
    title: 'Bad clients of the metrics port',
    about:
      'A thousand clients at once, which come back a second after they were ended, and the metrics server in the process of the application. Budget: the p99 of its own requests stays within 4 times of what it is at peace, and scrapes are answered.',
  },
];

const PAGE = join(__dirname, '..', '..', 'docs', 'benchmarks.md');

const HEAD = `<!-- Written by \`npm run bench\`. Run it, do not edit it. -->

# Benchmarks

\`npm run bench\` runs these and writes this page; \`npm run bench:http\`, \`bench:databases\`, \`bench:startup\`, \`bench:idle\` and
\`bench:scrape\` print a part. All candidates of a benchmark take turns in one run. Ratios count; a ratio to
another candidate is the median over all rounds, not the quotient of two medians. Times depend on the machine and
its load.
`;

function sectionOf({ name, title, about }: Benchmark, nodes: readonly string[]): string {
  const processors = cpus();
  const machine = `${systemType()} ${process.arch}, ${processors.length} × ${processors[0]?.model.trim() ?? 'unknown'}`;
  const printed = nodes.map((node) => run(node, name));
  return `## ${title}\n\n${about}\n\nMachine: ${machine}.\n\n${printed.join('\n\n')}\n`;
}

function run(node: string, name: string): string {
  const { status, stdout, stderr } = spawnSync(node, [join(__dirname, `${name}.js`)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} ended with ${status}: ${stderr}`);
  process.stdout.write(`${stdout}\n`);
  return stdout.trim();
}

/** By title, from the page as it is. */
function knownSections(): Map<string, string> {
  const sections = new Map<string, string>();
  if (!existsSync(PAGE)) return sections;
  for (const section of readFileSync(PAGE, 'utf8')
    .split(/^(?=## )/m)
    .slice(1))
    sections.set(section.slice(3, section.indexOf('\n')), `${section.trimEnd()}\n`);
  return sections;
}

function main(): void {
  const { positionals: names, values } = parseArgs({
    options: { node: { type: 'string', multiple: true, default: [] } },
    allowPositionals: true,
  });
  const nodes = [process.execPath, ...values.node];
  const sections = knownSections();
  for (const benchmark of BENCHMARKS) {
    if (names.length > 0 && !names.includes(benchmark.name)) continue;
    sections.set(benchmark.title, sectionOf(benchmark, nodes));
    const written = BENCHMARKS.flatMap(({ title }) => sections.get(title) ?? []);
    writeFileSync(PAGE, [HEAD, ...written].join('\n'));
  }
}

main();
