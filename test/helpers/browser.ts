import assert from 'node:assert/strict';

import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

import { onEnd, type Owner } from './owner.js';

/** Debian's package, or another Chromium. */
const PROGRAM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** What a page did that it should not, and whom it asked. */
export interface Seen {
  readonly page: Page;
  /** Errors of the page and of its policy. */
  readonly errors: string[];
  /** Addresses that were asked. */
  readonly requests: string[];
}

/** A Chromium; it is closed when its owner ends. */
export async function startBrowser(owner: Owner): Promise<Browser> {
  // As root Chromium refuses to run with its sandbox; what it opens here is ours.
  const browser = await chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
  onEnd(owner, () => browser.close());
  return browser;
}

/** A tab in a profile of its own, until its owner ends. */
export async function openTab(
  owner: Owner,
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Seen> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  onEnd(owner, () => context.close());
  const page = await context.newPage();
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', ({ message }) => errors.push(message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  page.on('request', (request) => requests.push(request.url()));
  return { page, errors, requests };
}

/** A tab as a person has it: Playwright makes its own tabs believe that they are always seen. */
export interface BareTab {
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** To the front. */
  readonly show: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Opens a tab in front of those that are there. */
export async function openBareTab(browser: Browser, url: string): Promise<BareTab> {
  const session = await browser.newBrowserCDPSession();
  const { targetId } = await session.send('Target.createTarget', { url });
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
  let last = 0;
  const evaluate = (expression: string): Promise<unknown> => {
    last += 1;
    const id = last;
    const params = { expression };
    const answer = new Promise<unknown>((resolve) => {
      const hear = (event: { sessionId: string; message: string }): void => {
        const { id: of, result } = JSON.parse(event.message) as {
          id?: number;
          result?: { result?: { value?: unknown } };
        };
        if (event.sessionId !== sessionId || of !== id) return;
        session.off('Target.receivedMessageFromTarget', hear);
        resolve(result?.result?.value);
      };
      session.on('Target.receivedMessageFromTarget', hear);
    });
    const message = JSON.stringify({ id, method: 'Runtime.evaluate', params });
    return session.send('Target.sendMessageToTarget', { sessionId, message }).then(() => answer);
  };
  return {
    evaluate,
    show: async () => void (await session.send('Target.activateTarget', { targetId })),
    close: async () => void (await session.send('Target.closeTarget', { targetId })),
  };
}

/** The numbers of a table of the page, by the titles of its columns; the first two cells name a row. */
export async function tableOf(page: Page, caption: string): Promise<Array<Record<string, string>>> {
  const table = page.getByRole('region', { name: caption, exact: true }).locator('table');
  const titles = await table
    .locator('thead th')
    .evaluateAll((cells) =>
      cells.map((cell: { textContent: string | null }) => (cell.textContent ?? '').replace(/[ ▾▴]+$/, '')),
    );
  const rows = await table
    .locator('tbody tr')
    .evaluateAll((all) =>
      all.map((row) =>
        Array.from(
          row.children as Iterable<{ textContent: string | null }>,
          (cell) => cell.textContent ?? '',
        ),
      ),
    );
  return rows.map((cells) => Object.fromEntries(titles.map((title, index) => [title, cells[index] ?? ''])));
}

/** A number as the page writes whole ones: `12,345`. */
export function wholeNumber(text: string | null | undefined): number {
  const found = /-?[\d,]+/.exec(text ?? '')?.[0];
  assert.ok(found !== undefined, `no number in ${JSON.stringify(text)}`);
  return Number(found.replaceAll(',', ''));
}
