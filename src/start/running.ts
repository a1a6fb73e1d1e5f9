import type { Scraper } from '../server/scrape/scraper.js';

/** What runs in this process. */
export interface Orchestrator {
  /** The prefix under which this process is summed. */
  readonly prefix: string;
  /** Resolves when everything recorded so far is in the store; rejects with the reason when it is not. */
  flush(): Promise<void>;
  /** Sends what was recorded, ends this instance's lease and releases everything. Idempotent. */
  shutdown(): Promise<void>;
}

/** The parts that other exports of this package use. */
export interface Running extends Orchestrator {
  /** Absent when OTEL_METRICS_EXPORTER leaves our exporter out. */
  readonly scraper: Scraper | undefined;
}

const KEY = Symbol.for('@org/orchestrator/running');

/** What runs in this process, of whichever copy of this package. */
export function running(): Running | undefined {
  return Reflect.get(globalThis, KEY) as Running | undefined;
}

export function setRunning(orchestrator: Running | undefined): void {
  if (orchestrator === undefined) Reflect.deleteProperty(globalThis, KEY);
  else Reflect.set(globalThis, KEY, orchestrator);
}
