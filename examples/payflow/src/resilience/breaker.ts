import {
  BrokenCircuitError,
  CircuitState,
  circuitBreaker,
  ConsecutiveBreaker,
  handleWhen,
  type CircuitBreakerPolicy,
} from 'cockatiel';

export type BreakerState = 'closed' | 'half_open' | 'open';

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half_open',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
};

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** Milliseconds after which it lets one call through. */
  readonly resetMs: number;
  /** Whether an error says that the other side is out of reach; other errors are answers. */
  readonly counts: (error: Error) => boolean;
  readonly onChange?: (state: BreakerState) => void;
}

/** A circuit breaker: it refuses calls at once while the other side fails, instead of letting each of them wait. */
export class Breaker {
  readonly name: string;
  readonly #policy: CircuitBreakerPolicy;

  constructor(name: string, { failures, resetMs, counts, onChange }: BreakerOptions) {
    this.name = name;
    this.#policy = circuitBreaker(handleWhen(counts), {
      breaker: new ConsecutiveBreaker(failures),
      halfOpenAfter: resetMs,
    });
    this.#policy.onStateChange((state) => onChange?.(STATES[state]));
  }

  get state(): BreakerState {
    return STATES[this.#policy.state];
  }

  /** Calls `call`. Rejects with its error, or with one that `isOpenCircuit` knows without having called it. */
  async execute<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#policy.execute(call);
  }
}

export function isOpenCircuit(error: unknown): boolean {
  return error instanceof BrokenCircuitError;
}
