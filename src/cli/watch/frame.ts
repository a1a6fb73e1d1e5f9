import type { LiveView } from '../../live/live-view.js';
import type { RouteTraffic, Traffic } from '../../live/traffic.js';
import { fitted, printable } from '../output/cells.js';
import { bytesText, durationText } from '../output/quantities.js';
import type { Colours } from '../output/terminal.js';
import { chosenRows, type Sort, type WatchState } from './watch-state.js';

/** What is drawn. */
export interface Scene {
  readonly project: string;
  readonly store: string;
  readonly view: LiveView;
  readonly state: WatchState;
  /** Why the newest numbers are missing; undefined if they are there. */
  readonly trouble: string | undefined;
}

interface Column {
  readonly title: string;
  readonly sort: Sort | undefined;
  readonly width: number;
  readonly of: (row: Traffic) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'REQ/S', sort: 'rate', width: 9, of: ({ perSecond }) => rateText(perSecond) },
  { title: 'ERRORS', sort: 'errors', width: 8, of: ({ errorShare }) => shareText(errorShare) },
  { title: 'P50', sort: 'p50', width: 8, of: ({ p50 }) => secondsText(p50) },
  { title: 'P95', sort: 'p95', width: 8, of: ({ p95 }) => secondsText(p95) },
  { title: 'P99', sort: 'p99', width: 8, of: ({ p99 }) => secondsText(p99) },
];

const METHOD_WIDTH = 9;

/** Lines that are not rows of the table: three of the head, one of filter or trouble, titles, and the help. */
const OTHER_LINES = 6;

const HELP =
  'q quit  r/e/5/p/9/n sort by rate, errors, p50, p95, p99, name  / filter  space pause  arrows scroll';

/** Rows that fit. */
export function pageOf(rows: number): number {
  return Math.max(1, rows - OTHER_LINES);
}

/** The lines of the screen, as many as it has, none longer than it is wide. */
export function drawFrame(scene: Scene, columns: number, rows: number, colours: Colours): string[] {
  const { view, state } = scene;
  const chosen = chosenRows(view.routes, state);
  const page = pageOf(rows);
  const first = Math.min(state.scrolled, Math.max(0, chosen.length - page));
  const lines = [
    colours.bold(fitted(titleOf(scene), columns)),
    fitted(trafficLine(view.total), columns),
    fitted(processLine(view), columns),
    noticeOf(scene, chosen.length, columns, colours),
    colours.bold(fitted(titles(state), columns)),
    ...chosen.slice(first, first + page).map((row) => rowText(row, columns, colours)),
  ];
  while (lines.length < rows - 1) lines.push('');
  return [...lines.slice(0, Math.max(0, rows - 1)), colours.dim(fitted(HELP, columns))].slice(-rows);
}

/** The same for a pipe: without keys, and with all rows. */
export function plainFrame(scene: Scene): string[] {
  const rows = chosenRows(scene.view.routes, scene.state);
  return [
    titleOf(scene),
    trafficLine(scene.view.total),
    processLine(scene.view),
    ...(rows.length === 0 ? [] : [titles(scene.state).trimEnd()]),
    ...rows.map((row) => `${numbers(row)}  ${nameOf(row)}`),
  ];
}

function titleOf({ project, store, view }: Scene): string {
  const { instances, series, seconds } = view;
  const over = seconds > 0 ? `over ${durationText(seconds * 1000)}` : 'first look';
  return `${printable(project)} in ${store}  ${instances} ${instances === 1 ? 'instance' : 'instances'}  ${series} series  ${over}`;
}

function trafficLine(total: Traffic): string {
  const { perSecond, errorShare, p50, p95, p99 } = total;
  return `requests ${rateText(perSecond)}/s  errors ${shareText(errorShare)}  p50 ${secondsText(p50)}  p95 ${secondsText(p95)}  p99 ${secondsText(p99)}`;
}

function processLine({ loopDelayP99, memoryBytes, cpus }: LiveView): string {
  const cpu = cpus === undefined ? '-' : cpus.toFixed(2);
  return `loop delay p99 ${secondsText(loopDelayP99)}  memory ${bytesText(memoryBytes)}  CPUs ${cpu}`;
}

function noticeOf({ state, trouble }: Scene, found: number, columns: number, colours: Colours): string {
  if (state.isTyping) return fitted(`filter: ${printable(state.filter)}_`, columns);
  if (trouble !== undefined) return colours.red(fitted(trouble, columns));
  const filter =
    state.filter === '' ? '' : `filter: ${printable(state.filter)} (${found} rows, Esc clears)  `;
  return fitted(`${filter}${state.isPaused ? 'paused' : ''}`, columns);
}

function titles({ sort, isReversed }: WatchState): string {
  const mark = (title: string, own: Sort | undefined): string =>
    own === sort ? `${title}${isReversed ? '^' : 'v'}` : title;
  const numeric = COLUMNS.map(({ title, sort: own, width }) => fitted(mark(title, own), width, 'right'));
  return `${numeric.join('')}  ${fitted('METHOD', METHOD_WIDTH)}${mark('ROUTE', 'route')}`;
}

function rowText(row: RouteTraffic, columns: number, colours: Colours): string {
  const text = fitted(`${numbers(row)}  ${nameOf(row)}`, columns);
  return row.errors > 0 ? colours.yellow(text) : text;
}

function numbers(row: Traffic): string {
  return COLUMNS.map(({ of, width }) => fitted(of(row), width, 'right')).join('');
}

function nameOf({ method, route }: RouteTraffic): string {
  return `${fitted(printable(method), METHOD_WIDTH)}${route === '' ? '(no route)' : printable(route)}`;
}

function rateText(perSecond: number): string {
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function shareText(share: number | undefined): string {
  return share === undefined ? '-' : `${(100 * share).toFixed(1)} %`;
}

function secondsText(seconds: number | undefined): string {
  if (seconds === undefined) return '-';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} us`;
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}
