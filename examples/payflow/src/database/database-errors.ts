import { isOpenCircuit } from '../resilience/breaker.js';

/** Of the network, as Node names them. */
const NETWORK = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EHOST|ENET|EAI_)/;

/**
 * PostgreSQL's own: connection failures (08), shutting down or starting (57P01 to 57P03), too many connections, and read-only,
 * which a primary becomes that was demoted.
 */
const SERVER = /^(?:08...|57P0[1-3]|53300|25006)$/;

/** pg has no codes for these. */
const DRIVER =
  /^(?:Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Cannot use a pool after|Client was closed)/i;

/** Whether an error says that a server is out of reach, as opposed to an answer of it. */
export function isUnavailable(error: unknown): boolean {
  if (isOpenCircuit(error) || error instanceof NoPrimaryError || error instanceof ServerDownError)
    return true;
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  return NETWORK.test(code) || SERVER.test(code) || DRIVER.test(error.message);
}

/** Whether the connection is of no more use: the server is out of reach, or went away at a commit. */
export function isBrokenConnection(error: unknown): boolean {
  return error instanceof OutcomeUnknownError || isUnavailable(error);
}

/** Two transactions met, and this one has to be repeated. */
export function isConflict(error: unknown): boolean {
  if (error instanceof VersionConflictError) return true;
  if (!(error instanceof Error)) return false;
  const { constraint } = error as Error & { readonly constraint?: string };
  const code = codeOf(error);
  return code === '40001' || code === '40P01' || (code === '23505' && constraint === 'events_pkey');
}

/** A lock was not to be had in time: many change one account. */
export function isLockTimeout(error: unknown): boolean {
  return error instanceof Error && codeOf(error) === '55P03';
}

/** The unique constraint or index that a row would break; undefined for any other error. */
export function brokenUniqueness(error: unknown): string | undefined {
  if (!(error instanceof Error) || codeOf(error) !== '23505') return undefined;
  return (error as Error & { readonly constraint?: string }).constraint;
}

function codeOf(error: Error): string {
  const { code } = error as Error & { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** No server says at present that it is the primary. */
export class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError';
}

/** A look at a server has shown that it is down. */
export class ServerDownError extends Error {
  override readonly name = 'ServerDownError';
}

/** Another transaction has added an event to the account since its balance was read. */
export class VersionConflictError extends Error {
  override readonly name = 'VersionConflictError';
}

/** The connection broke after COMMIT was sent: the transaction may or may not have been committed. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';
}
