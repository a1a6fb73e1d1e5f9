import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Scraper } from '../server/scrape/scraper.js';

/** What runs in this process, as `start()` returns it. */
export interface Orchestrator {
  /** The prefix under which this process is summed, as it is in keys: lower case, `[a-z0-9_-]`. */
  readonly prefix: string;
  /**
   * Sends what was recorded so far, without waiting for the interval, and keeps the process alive meanwhile. Resolves when
   * it is in the store.
   *
   * ```ts
   * await orchestrator.flush();
   * ```
   *
   * @throws OrchestratorError, with the reason why it is not in the store; it stays in memory and is sent with the next
   * flush
   */
  flush(): Promise<void>;
  /**
   * Sends what was recorded, ends this instance's lease and closes everything that was opened. Idempotent. It never
   * rejects: values that did not reach the store are a warning.
   */
  shutdown(): Promise<void>;
}

/** The parts that other exports of this package use. */
export interface Running extends Orchestrator {
  /** Absent when OTEL_METRICS_EXPORTER leaves our exporter out. */
  readonly scraper: Scraper | undefined;
  /** Answers a scrape of whoever may read; absent as the scraper is. */
  readonly serve: ((request: IncomingMessage, response: ServerResponse) => Promise<void>) | undefined;
}

/** A start that waits until this process shows that it is an application. */
export interface Pending {
  /** Starts now. */
  begin(): void;
  /** Never starts. */
  cancel(): void;
}

const KEY = Symbol.for('@org/orchestrator/running');
const PENDING_KEY = Symbol.for('@org/orchestrator/pending');

/** What runs in this process, of whichever copy of this package. */
export function running(): Running | undefined {
  return Reflect.get(globalThis, KEY) as Running | undefined;
}

export function setRunning(orchestrator: Running | undefined): void {
  if (orchestrator === undefined) Reflect.deleteProperty(globalThis, KEY);
  else Reflect.set(globalThis, KEY, orchestrator);
}

/** What runs in this process, started now if its start still waits: the application has asked for it. */
export function awakened(): Running | undefined {
  pending()?.begin();
  return running();
}

/** The start that waits in this process, of whichever copy of this package. */
export function pending(): Pending | undefined {
  return Reflect.get(globalThis, PENDING_KEY) as Pending | undefined;
}

export function setPending(start: Pending | undefined): void {
  if (start === undefined) Reflect.deleteProperty(globalThis, PENDING_KEY);
  else Reflect.set(globalThis, PENDING_KEY, start);
}
