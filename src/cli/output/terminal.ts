import pico from 'picocolors';

import { CommandError } from '../exit-codes.js';
import { reason } from '../../errors.js';

export type Colours = ReturnType<typeof pico.createColors>;

/** The streams of a process, as far as commands use them. */
export interface Streams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly errors: NodeJS.WriteStream;
}

/** What decides about colours: https://no-color.org, and terminals that have none. */
export interface ColourWishes {
  /** The variable NO_COLOR. */
  readonly noColour: string | undefined;
  /** The variable TERM. */
  readonly term: string | undefined;
}

/** Where a command writes, and what is at the other end. */
export class Terminal {
  readonly streams: Streams;
  /** Results are read by a person, and keys can be asked for. */
  readonly isInteractive: boolean;
  /** Does nothing in a pipe, with NO_COLOR, and on a terminal without colours. */
  readonly colours: Colours;
  #isGone = false;
  #isHungUp = false;

  constructor(streams: Streams, { noColour, term }: ColourWishes) {
    this.streams = streams;
    this.isInteractive = streams.input.isTTY && streams.output.isTTY;
    const isPlain = !streams.output.isTTY || (noColour ?? '') !== '' || term === 'dumb';
    // Never undefined, as isTTY is in a pipe: that would leave the choice to the library, which colours where CI is set.
    this.colours = pico.createColors(!isPlain);
    // A failure is told to the call that wrote; without a listener it would end the process before.
    for (const stream of [streams.output, streams.errors]) stream.on('error', () => undefined);
  }

  /** Columns of the terminal; undefined in a pipe, where lines are as long as they are. */
  get columns(): number | undefined {
    return this.streams.output.isTTY ? this.streams.output.columns : undefined;
  }

  /** True when the reader of the results has left: `orchestrator series shop | head -1`. What follows is not written. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** The window of the terminal was closed. */
  get isHungUp(): boolean {
    return this.#isHungUp;
  }

  hangUp(): void {
    this.#isHungUp = true;
  }

  /** Writes results. Rejects if that fails, unless the reader has left. */
  async write(text: string | Uint8Array): Promise<void> {
    if (this.#isGone || text.length === 0) return;
    const { output } = this.streams;
    try {
      await new Promise<void>((resolve, reject) => {
        output.write(text, (error) => (error ? reject(error) : resolve()));
      });
    } catch (error) {
      this.#isGone = true;
      if (isClosedPipe(error)) return;
      throw new CommandError('cannotWrite', `The output cannot be written: ${reason(error)}.`);
    }
  }

  /** One line of the results. */
  line(text = ''): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** A value as JSON, for programs. */
  json(value: unknown): Promise<void> {
    return this.line(JSON.stringify(value, undefined, 2));
  }

  /** One line for a person, beside the results: what is done, warnings, errors. */
  note(text: string): void {
    try {
      this.streams.errors.write(`${text}\n`);
    } catch {
      // A closed stderr: there is nowhere left to say so.
    }
  }
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EPIPE' || error.code === 'EIO');
}
