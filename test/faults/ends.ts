import type { SharedStore } from '../end-to-end/stores.js';

/** What may be missing of a process after its end. */
export type Loss = 'nothing' | 'since the last flush';

export interface EndKind {
  readonly signal?: NodeJS.Signals;
  /** What the writer is told. Neither: its work is done. */
  readonly command?: string;
  /** With a store that answers. */
  readonly lost: Readonly<Record<SharedStore, Loss>>;
}

const NOTHING = { redis: 'nothing', local: 'nothing' } as const;
const LAST_FLUSH = { redis: 'since the last flush', local: 'since the last flush' } as const;
/** Only synchronous code runs at these ends. */
const SYNCHRONOUS = { redis: 'nothing', local: 'nothing' } as const;

/** How a process can end, and what is promised of each end. */
const END_KINDS: Readonly<Record<string, EndKind>> = {
  'the end of its work': { lost: NOTHING },
  SIGTERM: { signal: 'SIGTERM', lost: NOTHING },
  SIGINT: { signal: 'SIGINT', lost: NOTHING },
  SIGHUP: { signal: 'SIGHUP', lost: NOTHING },
  SIGQUIT: { signal: 'SIGQUIT', lost: NOTHING },
  SIGUSR2: { signal: 'SIGUSR2', lost: NOTHING },
  SIGALRM: { signal: 'SIGALRM', lost: NOTHING },
  'process.exit()': { command: 'exit', lost: SYNCHRONOUS },
  'an uncaught exception': { command: 'throw', lost: SYNCHRONOUS },
  'an unhandled rejection': { command: 'reject', lost: SYNCHRONOUS },
  SIGKILL: { signal: 'SIGKILL', lost: LAST_FLUSH },
  'process.abort()': { command: 'abort', lost: LAST_FLUSH },
};

/** A name of {@link ENDS}. */
export type End = string;

export const ENDS: readonly End[] = Object.keys(END_KINDS);

export function endKind(end: End): EndKind {
  const kind = END_KINDS[end];
  if (kind === undefined) throw new RangeError(`no end is called ${end}`);
  return kind;
}

/** While the store does not answer, a process waits for it no longer than its deadline. The local store always answers. */
export function lossOf(end: End, store: SharedStore, isAway: boolean, drains: boolean): Loss {
  const { lost } = endKind(end);
  const byExit = end === 'SIGTERM' && drains ? SYNCHRONOUS : lost;
  if (isAway && store === 'redis') return 'since the last flush';
  return byExit[store];
}

/** Whether only synchronous code runs at this end. */
export function isAtOnce(end: End, drains: boolean): boolean {
  return endKind(end).lost === SYNCHRONOUS || (end === 'SIGTERM' && drains);
}
