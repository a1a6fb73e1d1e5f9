import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { BOUNDARIES, gaugeName, type Item, NAMES } from '../test/faults/instruments.js';
import { redisGround, Stage } from '../test/faults/stage.js';
import type { Exposition } from '../test/helpers/exposition.js';
import type { Owner } from '../test/helpers/owner.js';
import { PACKAGE_ROOT } from '../test/helpers/scratch.js';
import { type Curve, svgOf, verdictOf } from './soak/curves.js';

/**
 * `npm run soak -- --minutes 10`: processes come and go and record under labels that change all the time, while one process serves
 * scrapes. Writes docs/soak.md and its curves, and ends with 1 if something grows.
 */

const SAMPLE_MS = 2000;
/** Of the writers; one of them ends, and another begins, in each round. */
const WRITERS = 4;
const ROUND_MS = 3000;
/** Series leave after so long, so that new ones take their place all the time. */
const TTL_SECONDS = '45';

const CURVES = {
  heap: { name: 'Heap of the process that is scraped', unit: 'MB', noise: 6 },
  rss: { name: 'Resident memory of that process', unit: 'MB', noise: 20 },
  handles: { name: 'Open files and sockets of that process', unit: '', noise: 4 },
  delay: { name: 'Event loop delay, 99th percentile', unit: 'ms', noise: 100 },
  scrape: { name: 'Time of a scrape', unit: 'ms', noise: 100 },
  // It follows the rate of recording, up to the limit on series.
  lines: { name: 'Samples of a scrape', unit: '', noise: 2000 },
  redis: { name: 'Memory of Redis', unit: 'MB', noise: 0.5 },
} as const;

type Name = keyof typeof CURVES;

class Soak {
  readonly points: Record<Name, Array<[number, number]>> = {
    heap: [],
    rss: [],
    handles: [],
    delay: [],
    scrape: [],
    lines: [],
    redis: [],
  };
  readonly #stage: Stage;
  readonly #startMark = performance.now();
  #labels = 0;
  started = 0;
  recorded = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Processes that come and go. */
  async churn(untilMark: number): Promise<void> {
    for (let round = 0; performance.now() < untilMark; round += 1) {
      const number = round % WRITERS;
      await this.#stage.end(number, round % 3 === 0 ? 'SIGKILL' : 'SIGTERM');
      await this.#stage.writer(number);
      this.started += 1;
      const nextMark = performance.now() + ROUND_MS;
      while (performance.now() < nextMark) {
        for (let one = 0; one < WRITERS; one += 1) {
          const items = this.#items();
          await this.#stage.record(one, items);
          this.recorded += items.length;
        }
        await sleep(50);
      }
    }
  }

  async sample(untilMark: number): Promise<void> {
    while (performance.now() < untilMark) {
      const beginMark = performance.now();
      const shown = await this.#stage.watch.look();
      this.#add('scrape', performance.now() - beginMark);
      await this.#measure(shown);
      await sleep(SAMPLE_MS);
    }
  }

  async #measure(shown: Exposition): Promise<void> {
    const pid = this.#stage.watcherPid;
    const own = { process_pid: String(pid) };
    const id = shown.samples('orchestrator_instance_info', own)[0]?.labels['service_instance_id'] ?? '';
    const ofIt = { service_instance_id: id };
    this.#add('heap', shown.sum('v8js_memory_heap_used_bytes', ofIt) / 1e6);
    this.#add('delay', shown.sum('nodejs_eventloop_delay_p99_seconds', ofIt) * 1000);
    this.#add('lines', shown.lines);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    this.#add('rss', Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1000);
    this.#add('handles', readdirSync(`/proc/${pid}/fd`).length);
    const info = await this.#stage.redis.redis.client().info('memory');
    this.#add('redis', Number(/used_memory_dataset:(\d+)/.exec(info)?.[1]) / 1e6);
  }

  #add(name: Name, value: number): void {
    this.points[name].push([(performance.now() - this.#startMark) / 1000, value]);
  }

  /** Labels that never come again, and some that stay. */
  #items(): Item[] {
    this.#labels += 1;
    const changing = `x${this.#labels}`;
    const value = BOUNDARIES[this.#labels % BOUNDARIES.length] ?? 1;
    return [
      { kind: 'count', name: NAMES.count, label: changing, value },
      { kind: 'size', name: NAMES.size, label: changing, value },
      { kind: 'gauge', name: gaugeName('instance'), label: changing, value },
      { kind: 'gauge', name: gaugeName('keep'), label: changing, value },
      { kind: 'count', name: NAMES.count, label: 'a', value },
      { kind: 'open', name: NAMES.open, label: changing, value },
    ];
  }
}

async function main(): Promise<void> {
  const { minutes = '10' } = parseArgs({ options: { minutes: { type: 'string' } } }).values;
  if (!(Number(minutes) > 0)) throw new RangeError(`--minutes ${minutes}: a number above 0 is allowed`);
  const releases: Array<() => void | Promise<void>> = [];
  const owner: Owner = { after: (release) => void releases.push(release) };
  try {
    const stage = new Stage(owner, await redisGround(owner), { ORCHESTRATOR_METRICS_TTL: TTL_SECONDS });
    await stage.begin();
    const soak = new Soak(stage);
    const untilMark = performance.now() + Number(minutes) * 60_000;
    await Promise.all([soak.churn(untilMark), soak.sample(untilMark)]);
    await stage.close();
    if (report(soak, minutes)) process.exitCode = 1;
  } finally {
    for (const release of releases.toReversed()) await release();
  }
}

/** Writes the page. Returns whether something grows. */
function report(soak: Soak, minutes: string): boolean {
  const folder = join(PACKAGE_ROOT, 'docs', 'soak');
  mkdirSync(folder, { recursive: true });
  const rows: string[] = [];
  const pictures: string[] = [];
  let grows = false;
  for (const name of Object.keys(CURVES) as Name[]) {
    const curve: Curve = { ...CURVES[name], points: soak.points[name] };
    const verdict = verdictOf(curve);
    grows ||= verdict.grows;
    const [before, after] = [verdict.before, verdict.after].map((value) => value.toFixed(1));
    rows.push(
      `| ${curve.name} | ${before} | ${after} | ${curve.unit} | ${verdict.grows ? '**grows**' : 'no'} |`,
    );
    pictures.push(`![${curve.name}](soak/${name}.svg)`);
    writeFileSync(join(folder, `${name}.svg`), `${svgOf(curve)}\n`);
  }
  const verdict = grows ? 'Something grows.' : 'Nothing grows.';
  const page = `<!-- Written by \`npm run soak\`. Run it, do not edit it. -->

# Soak

\`npm run soak -- --minutes ${minutes}\`, Node ${process.version}, with Redis: ${soak.started} processes came and went (each third was killed), and recorded ${soak.recorded} values, most of them under labels that never came again. Series expire after ${TTL_SECONDS} s. One process served scrapes without a pause. **${verdict}**

The median of the second third of the time is compared with that of the last; the first third fills caches. What is within 15 %, or within the noise of a shared machine, is not growth.

| Measured | Before | After | Unit | Grows |
| --- | --- | --- | --- | --- |
${rows.join('\n')}

${pictures.join('\n\n')}
`;
  writeFileSync(join(PACKAGE_ROOT, 'docs', 'soak.md'), page);
  print(`${verdict}\n${rows.join('\n')}`);
  return grows;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
