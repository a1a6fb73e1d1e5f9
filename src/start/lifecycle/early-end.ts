import { SignalListeners } from './signal-listeners.js';

export interface EarlyEndOptions {
  /** The process is about to end by a signal, or has been told by one to end itself: then `heard`. */
  readonly onSignal: (heard: boolean) => void;
  /** The process ends with a code other than 0: an exception, or what the application says. Synchronous. */
  readonly onFailure: () => void;
}

/** Tells of the end of a process that has not shown yet whether it is an application. An end in order is not told. */
export class EarlyEnd {
  readonly #signals: SignalListeners;
  readonly #onExit: (code: number) => void;

  constructor({ onSignal, onFailure }: EarlyEndOptions) {
    this.#signals = new SignalListeners((signal, heard) => {
      onSignal(heard);
      this.remove();
      // By now the last flush listens; without it the signal does what it would have done without us.
      if (!heard) process.kill(process.pid, signal);
    });
    this.#onExit = (code) => {
      if (code !== 0) onFailure();
    };
  }

  install(): void {
    this.#signals.install();
    process.on('exit', this.#onExit);
  }

  remove(): void {
    this.#signals.remove();
    process.removeListener('exit', this.#onExit);
  }
}
