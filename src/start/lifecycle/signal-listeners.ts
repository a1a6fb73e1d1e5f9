import { hasOtherMeaning } from './signal-dispositions.js';

/**
 * Signals that end a process by default and leave it time for a last flush. SIGUSR1 starts Node's debugger; after SIGABRT,
 * SIGSEGV and the like nothing of JavaScript runs; SIGBREAK is of Windows.
 */
const SIGNALS = [
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGUSR2',
  'SIGALRM',
  'SIGXCPU',
  'SIGBREAK',
] as const;
export type EndingSignal = (typeof SIGNALS)[number];

/**
 * Listens for every ending signal, and knows whether the application listens for it as well: then it is the application that
 * decides what the signal means.
 */
export class SignalListeners {
  readonly #onSignal: (signal: EndingSignal) => void;
  readonly #onRemoved: (event: string | symbol, listener: unknown) => void;
  #leftNow = false;

  /** @param signalled `heard`: the application listens as well */
  constructor(signalled: (signal: EndingSignal, heard: boolean) => void) {
    this.#onSignal = (signal) => signalled(signal, this.#isHeard(signal));
    this.#onRemoved = (event, listener) => {
      if (listener !== this.#onSignal && SIGNALS.some((signal) => signal === event)) this.#noteLeft();
    };
  }

  install(): void {
    for (const signal of SIGNALS) if (!hasOtherMeaning(signal)) process.on(signal, this.#onSignal);
    process.on('removeListener', this.#onRemoved);
  }

  remove(): void {
    process.removeListener('removeListener', this.#onRemoved);
    for (const signal of SIGNALS) process.removeListener(signal, this.#onSignal);
  }

  #isHeard(signal: EndingSignal): boolean {
    return this.#leftNow || process.listenerCount(signal) - passiveListeners() > 1;
  }

  /** A listener that ran before ours, `prependOnceListener`, is off the list when ours runs. */
  #noteLeft(): void {
    this.#leftNow = true;
    queueMicrotask(() => (this.#leftNow = false));
  }
}

/**
 * The npm package signal-exit listens to signals only to be told of the end: it sends the signal again when all listeners
 * are its own. To it we are the application; to us it must not count as one, or each would wait for the other and the process
 * would stay alive.
 */
function passiveListeners(): number {
  const version3: unknown = Reflect.get(process, '__signal_exit_emitter__');
  const version4: unknown = Reflect.get(globalThis, Symbol.for('signal-exit emitter'));
  return countOf(version3) + countOf(version4);
}

function countOf(emitter: unknown): number {
  const count: unknown = typeof emitter === 'object' && emitter !== null ? Reflect.get(emitter, 'count') : 0;
  return typeof count === 'number' ? count : 0;
}
