import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { chromium } from 'playwright-core';

import { panelData, type PanelData } from './render-dashboards/panel-data.js';
import { readBoards, type BoardJson } from '../test/dashboards/board-files.js';
import { startShop } from '../test/dashboards/shop.js';
import { startProjects } from '../test/dashboards/three-projects.js';
import { eventually } from '../test/helpers/eventually.js';
import type { Owner } from '../test/helpers/owner.js';
import { freePort } from '../test/helpers/ports.js';
import { startPrometheusIn, type Prometheus } from '../test/helpers/prometheus.js';
import { PACKAGE_ROOT, scratchDir } from '../test/helpers/scratch.js';

/**
 * `npm run dashboards:pictures [seconds] [name]`: runs the demo application under traffic, asks a real Prometheus what each panel
 * asks, and draws the answers in headless Chromium. By hand, when dashboards have changed: it takes some minutes and needs
 * a Chromium (CHROMIUM=/path/to/it; Debian's package is the default), and pngquant for small files.
 */

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const PICTURES = join(PACKAGE_ROOT, 'docs', 'images');
const PAGE = join(PACKAGE_ROOT, 'scripts', 'render-dashboards');
const UPLOT = join(PACKAGE_ROOT, 'node_modules', 'uplot', 'dist');
const WIDTH = 1160;
const DEFAULT_SECONDS = 300;

/** Released in reverse order when the pictures are there. */
class Scope implements Owner {
  readonly #releases: Array<() => void | Promise<void>> = [];

  after(release: () => void | Promise<void>): void {
    this.#releases.push(release);
  }

  async end(): Promise<void> {
    for (const release of this.#releases.toReversed()) await release();
  }
}

async function main(): Promise<void> {
  if (!existsSync(CHROMIUM)) throw new Error(`No Chromium at ${CHROMIUM}. Set CHROMIUM.`);
  const seconds = Number(process.argv[2] ?? DEFAULT_SECONDS);
  const scope = new Scope();
  try {
    const boards = Array.from(readBoards()).filter(([name]) => [undefined, name].includes(process.argv[3]));
    const isOfProjects = ([name]: (typeof boards)[number]): boolean => name === 'all-projects';
    mkdirSync(PICTURES, { recursive: true });
    if (boards.some(isOfProjects)) {
      const { prometheus } = await startProjects(scope);
      await sleep(seconds * 1000);
      await drawAll(prometheus, boards.filter(isOfProjects), seconds);
    }
    const others = boards.filter((one) => !isOfProjects(one));
    if (others.length > 0) await drawAll(await runDemo(scope, seconds), others, seconds);
  } finally {
    await scope.end();
  }
}

async function drawAll(
  prometheus: Prometheus,
  boards: ReadonlyArray<readonly [name: string, board: BoardJson]>,
  seconds: number,
): Promise<void> {
  for (const [name, board] of boards) {
    const panels: PanelData[] = [];
    for (const panel of board.panels) panels.push(await panelData(prometheus, panel, seconds));
    await takePicture(board, panels, join(PICTURES, `dashboard-${name}.png`));
    process.stdout.write(`dashboard-${name}.png\n`);
  }
}

/** A day of a shop in a few minutes: steady visitors, a rush, a bad moment, two reports. */
async function runDemo(scope: Owner, seconds: number): Promise<Prometheus> {
  const shop = await startShop(scope, { webs: 3 });
  shop.run('worker.js');
  const prometheus = await startPrometheusFor(scope, shop.metricsPort);
  for (const { app } of shop.ports) shop.visit(app, 6);
  const [first] = shop.ports;
  if (first === undefined) throw new Error('a shop without web processes');
  await shop.run('report.js').ending;
  await sleep(seconds * 350);
  const rush = shop.visit(first.app, 25);
  await sleep(seconds * 200);
  await rush.end();
  await shop.run('report.js').ending;
  const bad = shop.visit(first.app, 6, 3);
  await sleep(seconds * 150);
  await bad.end();
  await sleep(seconds * 300);
  await eventually(() => prometheus.value('sum(up)'));
  return prometheus;
}

async function startPrometheusFor(scope: Owner, metricsPort: number): Promise<Prometheus> {
  const dir = scratchDir(scope, 'pictures');
  const config = {
    global: { scrape_interval: '3s' },
    scrape_configs: [{ job_name: 'shop', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] }],
  };
  writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
  return startPrometheusIn(scope, dir, await freePort());
}

async function takePicture(board: BoardJson, panels: readonly PanelData[], file: string): Promise<void> {
  // As root Chromium refuses to run with its sandbox; the page is ours and has no address.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 800 } });
    await page.setContent(readFileSync(join(PAGE, 'page.html'), 'utf8'));
    await page.addStyleTag({ path: join(UPLOT, 'uPlot.min.css') });
    await page.addScriptTag({ path: join(UPLOT, 'uPlot.iife.min.js') });
    await page.addScriptTag({ path: join(PAGE, 'page.js') });
    const drawing = {
      title: board.title,
      variables:
        board.uid === 'orchestrator-projects'
          ? 'Three projects of one Redis, a few minutes'
          : 'Project: shop, a few minutes of the demo application',
      panels,
    };
    await page.evaluate(`draw(${JSON.stringify(drawing)})`);
    await page.screenshot({ path: file, fullPage: true });
    // A third of the size, and nobody sees a difference. Without the program the pictures are larger, that is all.
    spawnSync('pngquant', ['--force', '--ext=.png', '--skip-if-larger', '--quality=80-100', file]);
  } finally {
    await browser.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
