/** What went wrong, as RFC 9457 has it: `type` for programs, `title` and `detail` for people. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance?: string;
}

/** Every kind of problem: its status and its title. */
export const PROBLEMS = {
  'invalid-request': [400, 'The request is not valid'],
  'invalid-amount': [400, 'The amount is not valid'],
  unauthenticated: [401, 'A valid API key is needed'],
  'wrong-credentials': [401, 'Username or password is wrong'],
  forbidden: [403, 'This needs other rights'],
  'not-found': [404, 'There is no such thing'],
  taken: [409, 'The username or the email address is taken'],
  'already-initialized': [409, 'The balance exists already'],
  'balance-not-empty': [409, 'The balance is not empty'],
  'changed-meanwhile': [412, 'It was changed meanwhile'],
  'too-large': [413, 'The request is too large'],
  'unsupported-media-type': [415, 'The body is not JSON'],
  'insufficient-funds': [422, 'The balance does not suffice'],
  'fraud-suspected': [422, 'The fraud check refuses this payment'],
  'currency-mismatch': [422, 'The balances have different currencies'],
  'no-balance': [422, 'A balance was not initialized'],
  'same-account': [422, 'Sender and receiver are the same'],
  'balance-too-large': [422, 'The balance would become too large'],
  'key-reused': [422, 'The Idempotency-Key was used for another request'],
  'no-writes': [503, 'Writes are not possible at present'],
  'outcome-unknown': [503, 'It is not known whether this was done'],
  unavailable: [503, 'This is not possible at present'],
  degraded: [503, 'This is switched off in degraded mode'],
  'fraud-check-unavailable': [503, 'The fraud check does not answer'],
  'too-busy': [503, 'Too much is waiting'],
  internal: [500, 'Something went wrong here'],
} as const satisfies Readonly<Record<string, readonly [status: number, title: string]>>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Seconds after which a refused request may be tried again: about as long as a failover takes. */
const RETRY_AFTER_SECONDS = 2;

/** An error that is answered as it says. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;

  constructor(code: ProblemCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    [this.status] = PROBLEMS[code];
  }

  get retryAfterSeconds(): number | undefined {
    return this.status === 503 ? RETRY_AFTER_SECONDS : undefined;
  }
}

export function problemDetails(code: ProblemCode, detail: string, instance?: string): ProblemDetails {
  const [status, title] = PROBLEMS[code];
  const type = `urn:payflow:problem:${code}`;
  return { type, title, status, detail, ...(instance !== undefined && { instance }) };
}
