import type { Meter } from '@opentelemetry/api';

import { labelled } from '../../model/labelled-options.js';
import { type Warn, warning } from '../../warnings.js';

/** Why a request was not answered; the values of the label `reason`. */
export const REFUSAL_REASONS = [
  'no_credentials',
  'wrong_credentials',
  'no_certificate',
  'host',
  'origin',
  'malformed',
  'overload',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Milliseconds between two warnings. */
const WARN_EVERY_MS = 60_000;

/** Counts the requests that were refused, and says so once a minute at most. */
export class Refusals {
  readonly #warn: Warn;
  /** Since the last warning. */
  #untold = 0;
  #warnedMark = -Infinity;
  /** For what counts them; see {@link observeRefusals}. Before it is there they wait in `#counts`. */
  #count: (reason: RefusalReason, requests: number) => void;
  readonly #counts = new Map<RefusalReason, number>();

  constructor(warn: Warn) {
    this.#warn = warn;
    this.#count = (reason, requests) => this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + requests);
  }

  /** @param address of the client */
  note(reason: RefusalReason, address: string | undefined): void {
    this.#count(reason, 1);
    this.#untold += 1;
    const now = performance.now();
    if (now - this.#warnedMark < WARN_EVERY_MS) return;
    const values = { requests: this.#untold, reason, address: address ?? 'a client that has left' };
    this.#warnedMark = now;
    this.#untold = 0;
    this.#warn(...warning('ORCHESTRATOR_REQUESTS_REFUSED', values));
  }

  /** Hands over what was counted so far, and everything from now on. */
  set onRefused(count: (reason: RefusalReason, requests: number) => void) {
    this.#count = count;
    for (const [reason, requests] of this.#counts) count(reason, requests);
    this.#counts.clear();
  }
}

/** What the metrics server says about itself; the table in docs/metrics.md. */
export function observeRefusals(meter: Meter, refusals: Pick<Refusals, 'onRefused'>): void {
  const counter = meter.createCounter(
    'orchestrator.requests.refused',
    labelled({
      description: 'Requests for metrics that were refused.',
      unit: '{request}',
      labels: ['reason'],
    }),
  );
  // Shown from the first scrape on, so that a rate over them has a beginning.
  for (const reason of REFUSAL_REASONS) counter.add(0, { reason });
  refusals.onRefused = (reason, requests) => counter.add(requests, { reason });
}
