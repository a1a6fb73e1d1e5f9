import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, test } from 'node:test';

import { add, added, histogram, type Instance, type Sent, series } from '../contract/bed.js';
import { eventually } from '../helpers/eventually.js';
import { onEnd, type Owner } from '../helpers/owner.js';
import { type FilledStore, newFilledStore, traffic } from './filled-store.js';
import { startOrchestrator } from './program.js';
import { PseudoTerminal } from './pseudo-terminal.js';

const ROUTES = ['/alpha', '/beta', '/gamma'];

/** A project with traffic that goes on, /gamma being the busiest route. */
async function busyProject(owner: Owner, store: FilledStore): Promise<Instance> {
  const instance = store.instance('shop');
  await instance.send(traffic(1, ROUTES));
  let isOver = false;
  const sending = (async () => {
    while (!isOver) {
      await instance.send(traffic(1, ROUTES));
      await instance.send(traffic(4, ['/gamma']));
      await sleep(100);
    }
  })();
  onEnd(owner, async () => {
    isOver = true;
    await sending;
  });
  return instance;
}

const duration = histogram('http.server.request.duration', [0.1, 0.5, 1]);

/** Four routes that are in another order by each column, and one that a filter leaves out. */
function spread(times: number): Sent {
  const points = [
    ['/ra', '200', 5, 0, 0, 0],
    ['/ra', '500', 5, 0, 0, 0],
    ['/rb', '200', 2, 4, 0, 0],
    ['/rc', '200', 15, 0, 3, 0],
    ['/rc', '503', 0, 2, 0, 0],
    ['/rd', '200', 97, 0, 0, 3],
    ['/other', '200', 1, 0, 0, 0],
  ] as const;
  return {
    deltas: [
      added(
        duration,
        ...points.map(([route, status, ...counts]) =>
          add(
            series({
              'http.request.method': 'GET',
              'http.response.status_code': status,
              'http.route': route,
            }),
            1,
            ...counts.map((count) => count * times),
          ),
        ),
      ),
    ],
    current: [],
  };
}

const QUICK = ['watch', 'shop', '--interval', '200ms', '--window', '60s'];

/** Routes in the order of the rows. */
function rowsOf({ screen }: PseudoTerminal): string[] {
  return Array.from(screen.matchAll(/ GET +(\/\w+)/g), ([, route = '']) => route);
}

async function showsRows(terminal: PseudoTerminal, expected: readonly string[]): Promise<void> {
  await eventually(() => assert.deepEqual(rowsOf(terminal), expected));
}

/** Columns of a terminal: the characters of the test are two wide. */
function widthOf(line: string): number {
  return line.length + (line.match(/[\u3000-\u9FFF]/g) ?? []).length;
}

/** The other screen was left, and the cursor is there again. */
function assertLeft({ output }: PseudoTerminal): void {
  assert.ok(
    output.lastIndexOf('\u001B[?1049l') > output.lastIndexOf('\u001B[?1049h'),
    'the screen was not left',
  );
  assert.ok(output.lastIndexOf('\u001B[?25h') > output.lastIndexOf('\u001B[?25l'), 'the cursor is hidden');
}

describe('watch', () => {
  test('shows traffic, and keys sort it, turn it round, filter it and pause it', async (t) => {
    const store = await newFilledStore(t, 'redis');
    await busyProject(t, store);
    const terminal = new PseudoTerminal(t, QUICK, { env: store.env });
    await terminal.shows(/^shop in redis .* 1 instance  .* series  over \d/);
    await terminal.shows(/requests [1-9][\d.]*\/s  errors 0\.0 %  p50 \d+ ms/);
    await showsRows(terminal, ['/gamma', '/alpha', '/beta']);
    terminal.type('n');
    await showsRows(terminal, ['/alpha', '/beta', '/gamma']);
    terminal.type('n');
    await showsRows(terminal, ['/gamma', '/beta', '/alpha']);
    await terminal.shows(/METHOD +ROUTE\^/);
    terminal.type('/bet');
    await terminal.shows(/filter: bet_/);
    await showsRows(terminal, ['/beta']);
    terminal.type('\r');
    await terminal.shows(/filter: bet \(1 rows, Esc clears\)/);
    terminal.type('\u001B');
    await showsRows(terminal, ['/gamma', '/beta', '/alpha']);
    terminal.type(' ');
    await terminal.shows(/^paused/m);
    const [head] = terminal.screen.split('\n');
    await sleep(600);
    assert.equal(terminal.screen.split('\n')[0], head, 'it goes on while it is paused');
    terminal.type(' ');
    await eventually(() => assert.notEqual(terminal.screen.split('\n')[0], head));
    terminal.type('q');
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assertLeft(terminal);
  });

  test('each key sorts by its own column, and turns it round the second time', async (t) => {
    const store = await newFilledStore(t, 'local');
    const instance = store.instance('shop');
    await instance.send(spread(1));
    const terminal = new PseudoTerminal(t, [...QUICK, '--filter', '/r'], { env: store.env });
    await terminal.shows(/first look/);
    await instance.send(spread(2));
    const sorted = (order: string): Promise<void> =>
      showsRows(
        terminal,
        Array.from(order, (letter) => `/r${letter}`),
      );
    await sorted('dcab');
    for (const [key, order, title] of [
      ['e', 'acbd', 'ERRORS'],
      ['5', 'bcda', 'P50'],
      ['p', 'cbda', 'P95'],
      ['9', 'dcba', 'P99'],
      ['n', 'abcd', 'ROUTE'],
      ['r', 'dcab', 'REQ/S'],
    ] as const) {
      terminal.type(key);
      await terminal.shows(new RegExp(`${title}v`));
      await sorted(order);
      terminal.type(key);
      await terminal.shows(new RegExp(`${title}\\^`));
      // Rows that are equal stay in the order of their names.
      await sorted(key === 'e' ? 'bdca' : Array.from(order).toReversed().join(''));
    }
    // A key that means nothing changes nothing.
    terminal.type('x');
    await terminal.shows(/filter: \/r \(4 rows, Esc clears\)/);
    terminal.type('\u001B');
    await eventually(() => assert.match(terminal.screen, / GET +\/other/));
    terminal.type('q');
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assertLeft(terminal);
  });

  test('follows the size of the terminal: no line is wider, and no row too many', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const instance = store.instance('shop');
    const many = Array.from(
      { length: 40 },
      (_, index) => `/route-${String(index).padStart(2, '0')}/日本語/${'x'.repeat(100)}`,
    );
    const terminal = new PseudoTerminal(t, QUICK, { env: store.env, columns: 120, rows: 30 });
    await terminal.shows(/first look|over/);
    await instance.send(traffic(1, many));
    const rows = (): string[] => terminal.screen.split('\n').filter((line) => line.includes('/r'));
    await eventually(() => assert.equal(rows().length, 24));
    terminal.resize(72, 12);
    await eventually(() => assert.equal(rows().length, 6));
    assert.equal(terminal.screen.split('\n').length, 12);
    for (const line of terminal.screen.split('\n')) assert.ok(widthOf(line) <= 72, line);
    terminal.type('\u001B[B');
    await eventually(() => assert.match(rows()[0] ?? '', /route-01/));
    terminal.type('\u001B[6~');
    await eventually(() => assert.match(rows()[0] ?? '', /route-07/));
    terminal.type('\u001B[H');
    await eventually(() => assert.match(rows()[0] ?? '', /route-00/));
    terminal.resize(20, 3);
    await eventually(() => assert.equal(terminal.screen.split('\n').length, 3));
    terminal.type('\u0003');
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assertLeft(terminal);
  });

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const) {
    test(`leaves the terminal clean at ${signal}`, async (t) => {
      const store = await newFilledStore(t, 'local');
      await store.instance('shop').send(traffic(1));
      const terminal = new PseudoTerminal(t, QUICK, { env: store.env });
      await terminal.shows(/^shop in local/);
      process.kill(terminal.pid, signal);
      // At the end of a terminal Node must not exit by itself: it would abort.
      const code = signal === 'SIGHUP' ? -constants.signals.SIGHUP : 0;
      assert.deepEqual(await terminal.ended(), { code, restored: true });
      assertLeft(terminal);
    });
  }

  test('ends when the window of the terminal is closed', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const terminal = new PseudoTerminal(t, QUICK, { env: store.env });
    await terminal.shows(/^shop in local/);
    terminal.hangUp();
    const { code } = await terminal.ended();
    assert.equal(code, -constants.signals.SIGHUP);
  });

  test('stops at Ctrl+Z with a clean terminal, and goes on', async (t) => {
    const store = await newFilledStore(t, 'local');
    await store.instance('shop').send(traffic(1));
    const terminal = new PseudoTerminal(t, QUICK, { env: store.env });
    await terminal.shows(/^shop in local/);
    terminal.type('\u001A');
    await eventually(() => assertLeft(terminal));
    process.kill(terminal.pid, 'SIGCONT');
    await eventually(() =>
      assert.ok(terminal.output.lastIndexOf('\u001B[?1049h') > terminal.output.lastIndexOf('\u001B[?1049l')),
    );
    terminal.type('q');
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
    assertLeft(terminal);
  });

  test('in a pipe it prints rows that the filter leaves, as text and as JSON', async (t) => {
    const store = await newFilledStore(t, 'local');
    const instance = store.instance('shop');
    await instance.send(spread(1));
    const words = ['watch', 'shop', '--interval', '2s', '--count', '2', '--filter', '/RD'];
    const [text, json] = [[], ['--json']].map((more) =>
      startOrchestrator(t, [...words, ...more], { env: store.env }),
    );
    for (const one of [text, json]) await eventually(() => assert.match(one?.stdout ?? '', /\n/));
    await instance.send(spread(1));
    const { stdout } = (await text?.ending) ?? { stdout: '' };
    assert.match(stdout, / GET +\/rd$/m);
    assert.doesNotMatch(stdout, /\/ra|\/other/);
    const { stdout: lines } = (await json?.ending) ?? { stdout: '' };
    const views = lines.trim().split('\n');
    assert.equal(views.length, 2);
    const { routes } = JSON.parse(views[1] ?? '') as { routes: Array<{ route: string }> };
    assert.deepEqual(
      routes.map(({ route }) => route),
      ['/rd'],
    );
  });

  test('says that the store is away, and goes on when it is back', async (t) => {
    const store = await newFilledStore(t, 'redis');
    const instance = store.instance('shop');
    await instance.send(traffic(1));
    const terminal = new PseudoTerminal(t, QUICK, { env: store.env });
    await terminal.shows(/^shop in redis/);
    await store.redis?.stop('SIGKILL');
    await terminal.shows(/redis 127\.0\.0\.1:\d+: connect ECONNREFUSED/);
    await store.redis?.start('empty');
    await eventually(() => instance.send(traffic(1)));
    await eventually(() => assert.doesNotMatch(terminal.screen, /ECONNREFUSED/));
    terminal.type('q');
    assert.deepEqual(await terminal.ended(), { code: 0, restored: true });
  });
});
