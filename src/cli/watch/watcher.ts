import { setTimeout as sleep } from 'node:timers/promises';

import { reason } from '../../errors.js';
import { liveView, type LiveView } from '../../live/live-view.js';
import { SlidingWindow } from '../../live/sliding-window.js';
import type { Snapshot } from '../../model/snapshot.js';
import type { ProjectReader } from '../../store/store-reader.js';
import type { Terminal } from '../output/terminal.js';
import { drawFrame, pageOf, type Scene } from './frame.js';
import { Screen } from './screen.js';
import { FIRST_STATE, type Key, react, type WatchState } from './watch-state.js';

export interface WatcherOptions {
  readonly project: string;
  readonly store: string;
  readonly reader: ProjectReader;
  readonly terminal: Terminal;
  readonly intervalMs: number;
  readonly windowMs: number;
  readonly filter: string;
}

/** Shows one project on a terminal until a key, a signal or the end of the terminal ends it. */
export class Watcher {
  readonly #options: WatcherOptions;
  readonly #window: SlidingWindow<Snapshot>;
  readonly #screen: Screen;
  readonly #end = new AbortController();
  #state: WatchState;
  #view: LiveView | undefined;
  #trouble: string | undefined;
  #failure: unknown;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#state = { ...FIRST_STATE, filter: options.filter };
    this.#window = new SlidingWindow(options.windowMs);
    this.#screen = new Screen(options.terminal, {
      key: (key) => this.#press(key),
      resized: () => this.#draw(),
      hungUp: () => this.#end.abort(),
    });
  }

  /** Rejects with the reason if the very first read fails; later ones are shown, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ended = (): void => this.#end.abort();
    signal.addEventListener('abort', ended, { once: true });
    try {
      await this.#read();
      this.#screen.enter();
      this.#draw();
      await this.#follow();
    } finally {
      signal.removeEventListener('abort', ended);
      this.#screen.leave();
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #follow(): Promise<void> {
    const { intervalMs, terminal } = this.#options;
    while (!this.#end.signal.aborted && !terminal.isGone) {
      await pause(intervalMs, this.#end.signal);
      if (this.#end.signal.aborted || this.#state.isPaused) continue;
      try {
        await this.#read();
        this.#trouble = undefined;
      } catch (error) {
        this.#trouble = reason(error);
      }
      this.#draw();
    }
  }

  async #read(): Promise<void> {
    const snapshot = await this.#options.reader.snapshot();
    const { before, seconds } = this.#window.add(snapshot, performance.now());
    this.#view = liveView(before, snapshot, seconds);
  }

  #press(key: Key): void {
    const reaction = react(this.#state, key, pageOf(this.#screen.rows));
    if (reaction === 'quit') this.#end.abort();
    else if (reaction === 'suspend') this.#suspend();
    else {
      this.#state = reaction;
      this.#draw();
    }
  }

  /** As Ctrl+Z of a program that leaves the keys to the terminal: the shell goes on, and `fg` brings the screen back. */
  #suspend(): void {
    this.#screen.leave();
    process.once('SIGCONT', () => {
      this.#screen.enter();
      this.#draw();
    });
    process.kill(process.pid, 'SIGTSTP');
  }

  #draw(): void {
    if (this.#view === undefined) return;
    const { project, store, terminal } = this.#options;
    const scene: Scene = { project, store, view: this.#view, state: this.#state, trouble: this.#trouble };
    const { columns, rows } = this.#screen;
    this.#screen.draw(drawFrame(scene, columns, rows, terminal.colours)).catch((error: unknown) => {
      this.#failure = error;
      this.#end.abort();
    });
  }
}

/** Resolves after the time, or when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks.
  }
}
