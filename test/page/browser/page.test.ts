import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Browser, Page } from 'playwright-core';

import { openBareTab, openTab, startBrowser, tableOf } from '../../helpers/browser.js';
import { eventually } from '../../helpers/eventually.js';
import { type Owner, onEnd, suiteOwner } from '../../helpers/owner.js';
import { listening } from '../../server/open-server.js';
import { GrowingProject, HOSTILE } from '../projects.js';

const FAST = { everyMs: 100, keptMs: 60_000, windowMs: 500, maxShare: 1 };
const ROUTES = 'Requests by route';
const TOKEN = 'correct-horse-battery-staple';

let browser: Browser | undefined;
const owner = suiteOwner();

/** One for all tests of the file; each has tabs in profiles of their own. */
async function chromium(): Promise<Browser> {
  return (browser ??= await startBrowser(owner));
}

interface Shown {
  readonly project: GrowingProject;
  readonly url: string;
}

async function show(
  t: Owner,
  settings: NonNullable<Parameters<typeof listening>[1]>['settings'] = {},
  project = new GrowingProject(),
): Promise<Shown> {
  const { port } = await listening(t, { read: project.read, pageTiming: FAST, settings });
  return { project, url: `http://127.0.0.1:${port}/` };
}

async function routesOf(page: Page): Promise<Array<string | undefined>> {
  return (await tableOf(page, ROUTES)).map(({ Route }) => Route);
}

async function untilShown(page: Page): Promise<void> {
  await eventually(async () => assert.ok((await tableOf(page, ROUTES)).length > 0));
}

describe('accessibility: axe finds nothing serious', () => {
  const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
  const LOOKS = {
    'in light': { colorScheme: 'light' },
    'in dark': { colorScheme: 'dark' },
    'on a telephone': { viewport: { width: 360, height: 740 } },
  } as const;
  for (const [name, look] of Object.entries(LOOKS)) {
    test(name, async (t) => {
      const { url } = await show(t);
      // axe runs in the page, where the policy of the page lets nothing in.
      const { page } = await openTab(t, await chromium(), { ...look, bypassCSP: true });
      await page.goto(`${url}#metric=http_server_request_duration_seconds`);
      await untilShown(page);
      await eventually(async () =>
        assert.ok((await tableOf(page, 'Series of http_server_request_duration_seconds')).length > 0),
      );
      await page.evaluate(axe);
      const found = await page.evaluate<{
        violations: Array<{ id: string; impact: string; nodes: Array<{ html: string }> }>;
      }>('axe.run()');
      const serious = found.violations.filter(({ impact }) => impact !== 'minor');
      assert.deepEqual(
        serious.map(({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html.slice(0, 200))]),
        [],
      );
      const width = await page.evaluate('[document.documentElement.scrollWidth, innerWidth]');
      const [wide = 0, screen = 0] = width as number[];
      assert.ok(wide <= screen, `the page is ${wide} wide on a screen of ${screen}`);
    });
  }
});

describe('a person', () => {
  test('sorts and filters by keyboard', async (t) => {
    const { url } = await show(t);
    const { page, errors } = await openTab(t, await chromium());
    await page.goto(url);
    await untilShown(page);
    await eventually(async () =>
      assert.deepEqual(await routesOf(page), ['/slow', '/checkout', '/users/{id}']),
    );
    const header = page.getByRole('region', { name: ROUTES }).getByRole('columnheader', { name: 'Route' });
    await header.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await eventually(async () =>
      assert.deepEqual(await routesOf(page), ['/checkout', '/slow', '/users/{id}']),
    );
    assert.equal(await header.getAttribute('aria-sort'), 'ascending');
    await page.keyboard.press('Space');
    await eventually(async () =>
      assert.deepEqual(await routesOf(page), ['/users/{id}', '/slow', '/checkout']),
    );
    assert.equal(await header.getAttribute('aria-sort'), 'descending');
    await page.getByLabel('Filter routes').focus();
    await page.keyboard.type('CHECK');
    await eventually(async () => assert.deepEqual(await routesOf(page), ['/checkout']));
    assert.deepEqual(errors, []);
  });

  test('who reloads sees the curves that were there, and the metric that was open', async (t) => {
    const { url, project } = await show(t);
    const { page } = await openTab(t, await chromium());
    await page.goto(url);
    await untilShown(page);
    await page.getByRole('link', { name: 'shop_orders_total' }).click();
    await eventually(async () =>
      assert.ok((await tableOf(page, 'Series of shop_orders_total')).length === 1),
    );
    // The first two are rows by the time of the third one.
    await eventually(() => assert.ok(project.reads > 2));
    const answer = page.waitForResponse((response) => response.url().includes('page/live'));
    await page.reload();
    const { times } = (await (await answer).json()) as { times: number[] };
    assert.ok(times.length > 1, `${times.length} rows`);
    await eventually(async () =>
      assert.ok((await tableOf(page, 'Series of shop_orders_total')).length === 1),
    );
  });

  test('pauses', async (t) => {
    const { url } = await show(t);
    const { page, requests } = await openTab(t, await chromium());
    await page.goto(url);
    await untilShown(page);
    await page.getByRole('button', { name: 'Pause' }).click();
    await assertQuiet(() => requests.length);
    await page.getByRole('button', { name: 'Go on' }).click();
    await assertAsking(() => requests.length);
  });

  test('costs nothing with a tab that is hidden, until it is seen again', async (t) => {
    const { url } = await show(t);
    let asked = 0;
    const proxied = await startPrefixProxy(t, '/ops', Number(new URL(url).port), () => (asked += 1));
    const tab = await openBareTab(await chromium(), proxied);
    await assertAsking(() => asked);
    const other = await openBareTab(await chromium(), 'about:blank');
    await eventually(async () => assert.equal(await tab.evaluate('document.visibilityState'), 'hidden'));
    await assertQuiet(() => asked);
    await tab.show();
    await eventually(async () => assert.equal(await tab.evaluate('document.visibilityState'), 'visible'));
    await assertAsking(() => asked);
    await Promise.all([tab.close(), other.close()]);
  });

  test('sees why there are no new numbers, and keeps the last ones', async (t) => {
    const { url, project } = await show(t);
    const { page } = await openTab(t, await chromium());
    await page.goto(url);
    await untilShown(page);
    project.failure = 'redis 127.0.0.1:1: gone';
    const state = page.getByRole('status');
    await eventually(async () =>
      assert.match((await state.textContent()) ?? '', /Not live: redis 127.0.0.1:1: gone/),
    );
    assert.equal((await routesOf(page)).length, 3);
    project.failure = undefined;
    await eventually(async () => assert.equal(await state.textContent(), 'live'));
  });
});

test('nothing that a label, a route, a description or a project contains runs in the page', async (t) => {
  const project = new GrowingProject();
  project.routes = [HOSTILE, '</td></tr></table><svg onload=window.hacked=1>', '__proto__', 'constructor'];
  const { port } = await listening(t, { read: project.read, pageTiming: FAST, project: HOSTILE });
  const { page, errors, requests } = await openTab(t, await chromium());
  await page.goto(`http://127.0.0.1:${port}/`);
  await untilShown(page);
  assert.deepEqual(new Set(await routesOf(page)), new Set(project.routes));
  await page.getByRole('link', { name: 'shop_orders_total' }).click();
  await eventually(async () => {
    const [row] = await tableOf(page, 'Series of shop_orders_total');
    assert.ok(row?.['Labels']?.includes(`note=${HOSTILE}`), JSON.stringify(row));
  });
  // The box at the pointer is drawn again with each row, and with nothing else: else the page would be busy for ever.
  await page.locator('.detail .u-over').hover();
  await eventually(async () => assert.ok((await page.locator('.told').count()) > 0));
  assert.ok((await page.getByText(HOSTILE).count()) >= 3);
  assert.equal(await page.evaluate(() => Reflect.get(globalThis, 'hacked') as unknown), undefined);
  assert.deepEqual(errors, []);
  assert.ok(
    requests.every((url) => url.startsWith(`http://127.0.0.1:${port}/`)),
    requests.join(', '),
  );
});

describe('where not everyone may look', () => {
  test('the page asks for the token once, for its tab alone', async (t) => {
    const { url, project } = await show(t, { metricsToken: [TOKEN] });
    const { page, errors } = await openTab(t, await chromium());
    await page.goto(url);
    const field = page.getByLabel('Token');
    await field.waitFor();
    assert.equal(project.reads, 0);
    assert.doesNotMatch(await page.content(), /shop/i);
    await field.fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    assert.equal(project.reads, 0);
    assert.doesNotMatch(await page.content(), /shop/i);
    await field.fill(TOKEN);
    await page.keyboard.press('Enter');
    await untilShown(page);
    await page.reload();
    await untilShown(page);
    assert.doesNotMatch(page.url(), /correct-horse/);
    const kept = (await page.context().storageState()).origins;
    assert.deepEqual(kept, []);
    assert.deepEqual(await page.context().cookies(), []);
    const another = await page.context().newPage();
    await another.goto(url);
    await another.getByLabel('Token').waitFor();
    // The wrong token is said in the console by the browser itself.
    assert.deepEqual(
      errors.filter((error) => !error.includes('401')),
      [],
    );
  });

  test('the browser asks for a name and a password', async (t) => {
    const { hashPassword } = await import('../../../src/server/access/password-hash.js');
    const { url } = await show(t, { metricsBasicAuth: [`ann:${await hashPassword('secret')}`] });
    const { page } = await openTab(t, await chromium(), {
      httpCredentials: { username: 'ann', password: 'secret' },
    });
    await page.goto(url);
    await untilShown(page);
    const { page: stranger } = await openTab(t, await chromium(), {
      httpCredentials: { username: 'ann', password: 'wrong' },
    });
    assert.equal((await stranger.goto(url))?.status(), 401);
  });

  test('it works below any path of a proxy', async (t) => {
    const { url } = await show(t, { metricsToken: [TOKEN] });
    const proxied = await startPrefixProxy(t, '/ops/shop', Number(new URL(url).port));
    const { page, errors, requests } = await openTab(t, await chromium());
    await page.goto(proxied);
    await page.getByLabel('Token').fill(TOKEN);
    await page.keyboard.press('Enter');
    await untilShown(page);
    assert.ok(
      requests.every((one) => one.startsWith(proxied)),
      requests.join(', '),
    );
    assert.deepEqual(errors, []);
  });
});

test('a tab that is left open for an hour, sped up, grows by nothing', async (t) => {
  const project = new GrowingProject();
  project.changesInstances = true;
  // A row every 25 ms: 300 rows of history, as 15 minutes have, and 1200 for the hour.
  const { port } = await listening(t, {
    read: project.read,
    pageTiming: { everyMs: 25, keptMs: 7500, windowMs: 125, maxShare: 1 },
  });
  const { page, errors } = await openTab(t, await chromium());
  await page.goto(`http://127.0.0.1:${port}/#metric=shop_orders_total`);
  await untilShown(page);
  const session = await page.context().newCDPSession(page);
  const measure = async (): Promise<{ heap: number; nodes: number; listeners: number }> => {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters');
    return { heap: usedSize, nodes, listeners: jsEventListeners };
  };
  const rows = (count: number): Promise<void> =>
    eventually(() => assert.ok(project.reads > count, `${project.reads} rows`), { deadlineMs: 120_000 });
  await rows(600);
  const before = await measure();
  await rows(1800);
  const after = await measure();
  t.diagnostic(
    `after 300 more than 300 rows ${JSON.stringify(before)}, after 1200 more ${JSON.stringify(after)}`,
  );
  assert.ok(after.heap < before.heap * 1.15 + 500_000, `${before.heap} bytes became ${after.heap}`);
  assert.ok(after.nodes < before.nodes * 1.2 + 200, `${before.nodes} nodes became ${after.nodes}`);
  assert.ok(
    after.listeners < before.listeners * 1.2 + 50,
    `${before.listeners} listeners became ${after.listeners}`,
  );
  assert.deepEqual(errors, []);
});

/** In the time of ten rows. */
async function assertQuiet(asked: () => number): Promise<void> {
  // What was under way when it was told is over when nothing more comes for as long as several rows take.
  await eventually(async () => {
    const before = asked();
    await sleep(10 * FAST.everyMs);
    assert.equal(asked(), before);
  });
}

async function assertAsking(asked: () => number): Promise<void> {
  const before = asked();
  await eventually(() => assert.ok(asked() > before + 2));
}

/** As nginx with `location /ops/shop/ { proxy_pass http://127.0.0.1:9464/; }`. */
async function startPrefixProxy(
  t: Owner,
  prefix: string,
  port: number,
  told: () => void = () => undefined,
): Promise<string> {
  const server = createServer((request, response) => {
    told();
    if (request.url?.startsWith(`${prefix}/`) !== true) return void response.writeHead(404).end();
    const { method, headers } = request;
    const onward = ask(
      { port, host: '127.0.0.1', path: request.url.slice(prefix.length), method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(t, () => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}/`;
}
