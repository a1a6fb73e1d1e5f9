import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Page } from 'playwright-core';

import { PRELOAD, startProgram } from '../../helpers/app-process.js';
import { openTab, startBrowser, tableOf, wholeNumber } from '../../helpers/browser.js';
import { eventually } from '../../helpers/eventually.js';
import type { Exposition } from '../../helpers/exposition.js';
import { onEnd, type Owner } from '../../helpers/owner.js';
import { freePort } from '../../helpers/ports.js';
import { PACKAGE_ROOT, scratchDir } from '../../helpers/scratch.js';
import { scrape } from '../../helpers/scrape.js';

/**
 * The page against the exposition: the application of `npm start`, 4 workers and their primary, in a real Chromium, with a
 * worker that is killed. With `PICTURES=<seconds of traffic>` it writes the pictures of docs and README.
 */
const PICTURE_SECONDS = Number(process.env['PICTURES'] ?? 0);

const PICTURES = ['page-minute-1.png', 'page-minute-2.png', 'page-minute-3.png', 'page.png', 'page-dark.png'];

const COUNT = 'http_server_request_duration_seconds_count';
const APP = join(PACKAGE_ROOT, 'examples/quickstart/app.js');
const { sendRound } = require(join(PACKAGE_ROOT, 'examples/quickstart/traffic.js')) as {
  sendRound: (port: number) => Promise<number>;
};

/** Requests of routes, and when they are all counted. */
class Traffic {
  sent = 0;
  readonly #port: number;
  #background: Promise<void> | undefined;
  #isOn = false;

  constructor(port: number) {
    this.#port = port;
  }

  async rounds(count: number): Promise<void> {
    for (let round = 0; round < count; round += 1) this.sent += await sendRound(this.#port);
  }

  begin(owner: Owner): void {
    this.#isOn = true;
    this.#background = (async () => {
      while (this.#isOn) await Promise.all([this.rounds(1), sleep(500)]);
    })();
    onEnd(owner, () => this.end());
  }

  async end(): Promise<void> {
    this.#isOn = false;
    await this.#background;
  }
}

test('the page says what the exposition says, through the death of a worker', async (t) => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const app = startProgram(t, process.execPath, ['--require', PRELOAD, APP], {
    cwd: PACKAGE_ROOT,
    env: {
      PORT: String(port),
      OTEL_SERVICE_NAME: 'quickstart',
      // The worker that takes the place of a killed one is there with its first flush: until then there are 4.
      OTEL_METRIC_EXPORT_INTERVAL: '8000',
      OTEL_EXPORTER_PROMETHEUS_PORT: String(metricsPort),
      ORCHESTRATOR_LOCAL_DIR: scratchDir(t, 'local'),
    },
  });
  const [, first] = await app.waitFor(/^workers (\d+) \d+ \d+ \d+$/m);
  await eventually(() => scrape(metricsPort));
  const pictures = pictureFolder(t);
  const browser = await startBrowser(t);
  const { page, errors, requests } = await openTab(t, browser);
  const traffic = new Traffic(port);

  await page.goto(`http://127.0.0.1:${metricsPort}/`);
  await eventually(async () => assert.equal(await numberOf(page, 'instances'), 5));
  await page.screenshot({ path: join(pictures, 'page-minute-1.png') });

  traffic.begin(t);
  const before = await curveOf(page);
  await eventually(async () => assert.notDeepEqual(await curveOf(page), before));
  await eventually(async () => assert.ok((await numberOf(page, 'rate')) > 0));
  await sleep(PICTURE_SECONDS * 1000);
  if (PICTURE_SECONDS > 0) await page.screenshot({ path: join(pictures, 'page-minute-2.png') });
  // All of it is counted before the worker is killed: what a killed process has not written is lost.
  await traffic.end();
  await assertSame(page, metricsPort, traffic.sent);

  const seen = { instances: new Set<number>(), requests: traffic.sent };
  const watching = watch(page, seen);
  process.kill(Number(first), 'SIGKILL');
  await app.waitFor(new RegExp(`^died ${first} SIGKILL$`, 'm'));
  await eventually(() => assert.ok(seen.instances.has(4), `instances: ${[...seen.instances].join(', ')}`));
  traffic.begin(t);
  await eventually(async () => assert.equal(await numberOf(page, 'instances'), 5));
  await sleep(Math.min(30, PICTURE_SECONDS) * 1000);
  await traffic.end();
  await assertSame(page, metricsPort, traffic.sent);
  await watching.end();
  assert.ok(Math.max(...seen.instances) <= 5, `instances: ${[...seen.instances].join(', ')}`);

  await page.screenshot({ path: join(pictures, 'page-minute-3.png') });
  await assertExplored(page, metricsPort);
  traffic.begin(t);
  await sleep(Math.min(40, PICTURE_SECONDS) * 1000);
  await page.evaluate(() =>
    Reflect.apply(Reflect.get(globalThis, 'scrollTo') as () => void, globalThis, [0, 0]),
  );
  await page.screenshot({ path: join(pictures, 'page.png'), fullPage: true });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(pictures, 'page-dark.png'), fullPage: true });

  assert.deepEqual(errors, []);
  const hosts = new Set(requests.map((url) => new URL(url).host));
  assert.deepEqual([...hosts], [`127.0.0.1:${metricsPort}`]);
});

function pictureFolder(owner: Owner): string {
  if (PICTURE_SECONDS === 0) return scratchDir(owner, 'pictures');
  const folder = join(PACKAGE_ROOT, 'docs/images');
  mkdirSync(folder, { recursive: true });
  // A third of the size, and nobody sees a difference. Without the program the pictures are larger, that is all.
  const files = PICTURES.map((name) => join(folder, name));
  onEnd(
    owner,
    () =>
      void spawnSync('pngquant', ['--force', '--ext=.png', '--skip-if-larger', '--quality=80-100', ...files]),
  );
  return folder;
}

async function numberOf(page: Page, name: string): Promise<number> {
  return Number((await page.locator(`[data-number=${name}]`).textContent())?.replaceAll(',', ''));
}

/** What is drawn, as text. */
function curveOf(page: Page): Promise<string> {
  return page
    .locator('canvas')
    .first()
    .evaluate((canvas) => (canvas as unknown as { toDataURL: () => string }).toDataURL());
}

/** Every route, and the sum of all, in the table of the page and in the exposition of the same moment. */
async function assertSame(page: Page, metricsPort: number, sent: number): Promise<void> {
  await eventually(async () => {
    const exposition = await scrape(metricsPort);
    assert.equal(exposition.sum(COUNT), sent);
    const rows = await tableOf(page, 'Requests by route');
    const shown = rows.map(({ Method, Route, Total, Failed }) => [
      Method,
      Route,
      wholeNumber(Total),
      wholeNumber(Failed),
    ]);
    assert.deepEqual(new Set(shown), new Set(exposedRoutes(exposition)));
    assert.equal(wholeNumber(await page.getByText(/counted ever$/).textContent()), sent);
    assert.equal(await numberOf(page, 'instances'), exposition.sum('orchestrator_instances'));
  });
}

function exposedRoutes(exposition: Exposition): unknown[][] {
  const rows = new Map<string, [method: string, route: string, requests: number, failed: number]>();
  for (const { labels, value } of exposition.samples(COUNT)) {
    const { http_request_method: method = '', http_route: route = 'no route' } = labels;
    const row = rows.get(`${method} ${route}`) ?? [method, route, 0, 0];
    rows.set(`${method} ${route}`, row);
    row[2] += value;
    if (labels['error_type'] !== undefined) row[3] += value;
  }
  return [...rows.values()];
}

/** Looks again and again: no counter may fall, whatever happens. */
function watch(page: Page, seen: { instances: Set<number>; requests: number }): { end: () => Promise<void> } {
  let isOn = true;
  const looking = (async () => {
    while (isOn) {
      seen.instances.add(await numberOf(page, 'instances'));
      const requests = wholeNumber(await page.getByText(/counted ever$/).textContent());
      assert.ok(requests >= seen.requests, `${seen.requests} requests became ${requests}`);
      seen.requests = requests;
      await sleep(100);
    }
  })();
  return {
    end: async () => {
      isOn = false;
      await looking;
    },
  };
}

/** The series of a metric in the explorer are those of the exposition. */
async function assertExplored(page: Page, metricsPort: number): Promise<void> {
  await page.getByLabel('Filter metrics').fill('request_duration');
  await page.getByRole('link', { name: 'http_server_request_duration_seconds', exact: true }).click();
  await eventually(async () => {
    const exposition = await scrape(metricsPort);
    const rows = await tableOf(page, 'Series of http_server_request_duration_seconds');
    const shown = rows.map(({ Count }) => wholeNumber(Count)).toSorted((a, b) => a - b);
    const exposed = exposition.samples(COUNT).map(({ value }) => value);
    assert.deepEqual(
      shown,
      exposed.toSorted((a, b) => a - b),
    );
  });
  await page.getByLabel('Filter metrics').fill('');
  await page.getByLabel('Filter metrics').blur();
}
