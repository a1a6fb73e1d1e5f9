/**
 * Every error of this package: a stable `code`, and a message that says what was given, what is allowed, and which setting
 * to change. `docs/errors.md` lists the same codes; a test keeps them equal.
 */
export const ERROR_CODES = {
  ORCHESTRATOR_INVALID_SETTING: 'A setting or option has a value that is not allowed.',
  ORCHESTRATOR_ALREADY_STARTED: 'start() was called a second time in one process.',
  ORCHESTRATOR_NOT_RUNNING: 'The orchestrator does not run in this process.',
  ORCHESTRATOR_PREFIX_TAKEN: 'Another project with a different name uses the same key prefix.',
  ORCHESTRATOR_SCHEMA_MISMATCH: 'The store holds data written by another version of this package.',
  ORCHESTRATOR_STORE_UNAVAILABLE: 'The store cannot be reached or does not answer.',
  ORCHESTRATOR_STORE_REFUSED: 'The store answered with an error that waiting does not heal.',
  ORCHESTRATOR_STORE_CLOSED: 'The store was closed.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

const BRAND = Symbol.for('@org/orchestrator/error');

export class OrchestratorError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
  }

  override get name(): string {
    return 'OrchestratorError';
  }

  /** True for an error of any copy of this package that is loaded. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** The message of anything that was thrown, in one line. */
export function reason(error: unknown): string {
  return text(error).replaceAll(/\s+/g, ' ').trim();
}

function text(error: unknown): string {
  // A name that resolves to several addresses, none of which answers, fails with an error without a message.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(text).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
}
