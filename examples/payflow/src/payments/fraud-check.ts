import { ExponentialBackoff, handleAll, retry, type RetryPolicy } from 'cockatiel';

import type { LoadBalancer } from '../balancer/load-balancer.js';
import { exponentOf, formatAmount, type Currency } from '../money/money.js';
import type { Breaker } from '../resilience/breaker.js';

export interface FraudCheckOptions {
  readonly balancer: LoadBalancer;
  readonly breaker: Breaker;
  readonly timeoutMs: number;
  /** Retries of a call at most. */
  readonly retries: number;
  readonly retryBaseDelayMs: number;
  /** Minor units of a currency with two decimals. */
  readonly defaultLimit: bigint;
  readonly onDefault: () => void;
}

export type FraudDecision = 'approved' | 'suspected' | 'unavailable';

/** Asks an external service about a payment, and decides by a rule while that does not answer. */
export class FraudCheck {
  readonly #options: FraudCheckOptions;
  readonly #retry: RetryPolicy;

  constructor(options: FraudCheckOptions) {
    this.#options = options;
    this.#retry = retry(handleAll, {
      maxAttempts: options.retries,
      backoff: new ExponentialBackoff({ initialDelay: options.retryBaseDelayMs }),
    });
  }

  /** Never rejects. `unavailable`: not checked, and too large to pass unchecked. */
  async check(userId: number, amount: bigint, currency: Currency): Promise<FraudDecision> {
    const { balancer, onDefault } = this.#options;
    if (balancer.targets.length === 0) return 'approved';
    try {
      const approved = await this.#retry.execute(async () =>
        this.#options.breaker.execute(async () => this.#ask(userId, amount, currency)),
      );
      return approved ? 'approved' : 'suspected';
    } catch {
      onDefault();
      return amount <= this.#limitIn(currency) ? 'approved' : 'unavailable';
    }
  }

  async #ask(userId: number, amount: bigint, currency: Currency): Promise<boolean> {
    // Not one of several in AbortSignal.any: Node.js 20 loses a timeout in that at the next collection of garbage, and waits for ever.
    const signal = AbortSignal.timeout(this.#options.timeoutMs);
    return this.#options.balancer.use(async (url) => {
      const response = await fetch(`${url}/check`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ user_id: userId, amount: formatAmount(amount, currency), currency }),
        signal,
      });
      const answer: unknown = await response.json();
      if (!response.ok || !isAnswer(answer)) throw new Error(`the fraud check answered ${response.status}`);
      return answer.approved;
    });
  }

  /** The limit is the same number in every currency. */
  #limitIn(currency: Currency): bigint {
    const { defaultLimit } = this.#options;
    return (defaultLimit * 10n ** BigInt(exponentOf(currency))) / 100n;
  }
}

function isAnswer(value: unknown): value is { readonly approved: boolean } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { approved?: unknown }).approved === 'boolean'
  );
}
