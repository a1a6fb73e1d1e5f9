import { type OrchestratorError, orchestratorError, reason } from '../../../errors.js';

/** ORCHESTRATOR_STORE_REFUSED by what the message of the server, or of TLS, looks like. */
const REFUSALS = [
  ['login', /^(?:WRONGPASS|NOAUTH|ERR AUTH|ERR invalid password)/],
  ['database', /^ERR (?:DB index|invalid DB|SELECT)/i],
  ['certificate', /certificate|altname/i],
  ['rights', /^NOPERM|can't run this command|no permissions to/i],
  ['keyType', /^WRONGTYPE/],
] as const;

/** An error of a connection with the setting to look at. */
export function explain(error: unknown, store: string): OrchestratorError {
  const values = { store, error: reason(error).replace(/\.+$/, '') };
  const cause = causeOf(error);
  const refusal = REFUSALS.find(([, pattern]) => pattern.test(values.error))?.[0];
  if (refusal !== undefined) return orchestratorError('ORCHESTRATOR_STORE_REFUSED', refusal, values, cause);
  const message = /ENOTFOUND|EAI_AGAIN/.test(values.error) ? 'unknownHost' : 'redis';
  return orchestratorError('ORCHESTRATOR_STORE_UNAVAILABLE', message, values, cause);
}

/** True if the server understood the command and said no: the connection is as good as before. */
export function isRefusedCommand(error: unknown): boolean {
  return /^(?:NOPERM|TRYAGAIN)|can't run this command/.test(reason(error));
}

/** True for a login that is missing or wrong. */
export function isLoginFailure(error: unknown): boolean {
  return REFUSALS[0][1].test(reason(error));
}

/** An error of a reply carries its command, and with it the password or the whole batch; those are not passed on. */
function causeOf(error: unknown): ErrorOptions {
  return typeof error === 'object' && error !== null && 'command' in error ? {} : { cause: error };
}
