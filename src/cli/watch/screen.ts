import { emitKeypressEvents } from 'node:readline';

import type { Terminal } from '../output/terminal.js';
import type { Key } from './watch-state.js';

/** Another screen, which the terminal forgets at the end; no cursor. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[2J';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const HOME = '\u001B[H';
const CLEAR_LINE = '\u001B[K';
const CLEAR_REST = '\u001B[J';

export interface ScreenListener {
  readonly key: (key: Key) => void;
  readonly resized: () => void;
  /** There is nobody at the keys any more. */
  readonly hungUp: () => void;
}

/**
 * The terminal as one screen that is drawn anew, with its keys. {@link leave} gives it back as it was; should the process end
 * without that call, its end does it.
 */
export class Screen {
  readonly #terminal: Terminal;
  readonly #listener: ScreenListener;
  #isEntered = false;

  constructor(terminal: Terminal, listener: ScreenListener) {
    this.#terminal = terminal;
    this.#listener = listener;
  }

  get columns(): number {
    return this.#terminal.streams.output.columns || 80;
  }

  get rows(): number {
    return this.#terminal.streams.output.rows || 24;
  }

  enter(): void {
    if (this.#isEntered) return;
    this.#isEntered = true;
    const { input, output } = this.#terminal.streams;
    process.once('exit', this.#leaveAtExit);
    emitKeypressEvents(input);
    input.setRawMode(true);
    input.on('keypress', this.#pressed);
    input.once('end', this.#listener.hungUp);
    input.resume();
    output.on('resize', this.#listener.resized);
    output.write(ENTER);
  }

  leave(): void {
    if (!this.#isEntered) return;
    this.#isEntered = false;
    const { input, output } = this.#terminal.streams;
    process.off('exit', this.#leaveAtExit);
    output.off('resize', this.#listener.resized);
    input.off('keypress', this.#pressed);
    input.off('end', this.#listener.hungUp);
    output.write(LEAVE);
    try {
      input.setRawMode(false);
    } catch {
      this.#terminal.hangUp();
    }
    input.pause();
  }

  async draw(lines: readonly string[]): Promise<void> {
    if (!this.#isEntered) return;
    const body = lines.map((line) => `${line}${CLEAR_LINE}`).join('\r\n');
    await this.#terminal.write(`${HOME}${body}${CLEAR_REST}`);
  }

  readonly #pressed = (_text: string | undefined, key: Key): void => this.#listener.key(key);

  readonly #leaveAtExit = (): void => this.leave();
}
