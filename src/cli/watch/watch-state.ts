import type { RouteTraffic } from '../../live/traffic.js';

/** What the rows can be sorted by, and the key for it. */
export const SORTS = {
  r: 'rate',
  e: 'errors',
  '5': 'p50',
  p: 'p95',
  '9': 'p99',
  n: 'route',
} as const;

export type Sort = (typeof SORTS)[keyof typeof SORTS];

/** What the person who watches has chosen. */
export interface WatchState {
  readonly sort: Sort;
  /** Smallest first. */
  readonly isReversed: boolean;
  /** Rows that have this text in method or route, whatever its case. */
  readonly filter: string;
  /** The filter is being typed. */
  readonly isTyping: boolean;
  /** The filter before it was typed. */
  readonly filterBefore: string;
  readonly isPaused: boolean;
  /** Rows above the first one that is shown. */
  readonly scrolled: number;
}

export const FIRST_STATE: WatchState = {
  sort: 'rate',
  isReversed: false,
  filter: '',
  isTyping: false,
  filterBefore: '',
  isPaused: false,
  scrolled: 0,
};

/** A key as node:readline tells it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

/** What a key leads to: another state, the end, or a stop of the process as by Ctrl+Z. */
export type Reaction = WatchState | 'quit' | 'suspend';

/** @param page rows that fit on the screen */
export function react(state: WatchState, key: Key, page: number): Reaction {
  if (key.ctrl === true) {
    if (key.name === 'c' || key.name === 'd') return 'quit';
    return key.name === 'z' ? 'suspend' : state;
  }
  return state.isTyping ? type(state, key) : command(state, key, page);
}

function type(state: WatchState, { name, sequence = '', meta }: Key): WatchState {
  if (name === 'return' || name === 'enter') return { ...state, isTyping: false };
  if (name === 'escape') return { ...state, isTyping: false, filter: state.filterBefore };
  if (name === 'backspace')
    return { ...state, filter: Array.from(state.filter).slice(0, -1).join(''), scrolled: 0 };
  const isText = meta !== true && /^[^\p{Cc}\p{Cf}\p{Cs}]+$/u.test(sequence);
  return isText ? { ...state, filter: state.filter + sequence, scrolled: 0 } : state;
}

function command(state: WatchState, { name = '', sequence = '' }: Key, page: number): Reaction {
  if (sequence === 'q') return 'quit';
  if (sequence === '/') return { ...state, isTyping: true, filterBefore: state.filter };
  if (sequence === ' ') return { ...state, isPaused: !state.isPaused };
  if (name === 'escape') return { ...state, filter: '', scrolled: 0 };
  const moved = MOVES[name]?.(state.scrolled, page);
  if (moved !== undefined) return { ...state, scrolled: Math.max(0, moved) };
  const sort = isSortKey(sequence) ? SORTS[sequence] : undefined;
  if (sort === undefined) return state;
  // A second time: the other way round.
  return { ...state, sort, isReversed: sort === state.sort && !state.isReversed, scrolled: 0 };
}

const MOVES: Readonly<Record<string, (scrolled: number, page: number) => number>> = {
  up: (scrolled) => scrolled - 1,
  down: (scrolled) => scrolled + 1,
  pageup: (scrolled, page) => scrolled - page,
  pagedown: (scrolled, page) => scrolled + page,
  home: () => 0,
};

function isSortKey(key: string): key is keyof typeof SORTS {
  return key in SORTS;
}

/** The rows that are wanted, in their order. */
export function chosenRows(routes: readonly RouteTraffic[], state: WatchState): RouteTraffic[] {
  const text = state.filter.toLowerCase();
  const rows = routes.filter(({ method, route }) => `${method} ${route}`.toLowerCase().includes(text));
  const { sort, isReversed } = state;
  const sign = isReversed ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(a, b, sort) || compare(a, b, 'route'));
}

/** Largest first; names from A to Z. */
function compare(a: RouteTraffic, b: RouteTraffic, sort: Sort): number {
  if (sort === 'route') {
    const [one, other] = [`${a.route} ${a.method}`, `${b.route} ${b.method}`];
    return one < other ? -1 : one > other ? 1 : 0;
  }
  return ranked(b, sort) - ranked(a, sort);
}

function ranked(row: RouteTraffic, sort: Exclude<Sort, 'route'>): number {
  if (sort === 'rate') return row.perSecond;
  return (sort === 'errors' ? row.errorShare : row[sort]) ?? -1;
}
