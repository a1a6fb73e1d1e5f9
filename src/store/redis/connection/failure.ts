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

/** True if a script stopped at its own arguments: bytes that are no numbers, nothing where a number should be. */
export function isScriptFailure(error: unknown): boolean {
  return /user_script:\d+: .*(?:attempt to|bad argument|too short|too few)/.test(reason(error));
}

/** True for a login that is missing or wrong. */
export function isLoginFailure(error: unknown): boolean {
  return REFUSALS[0][1].test(reason(error));
}

/** Redis' own limits, those of services in front of it, and of the Lua stack. */
export function isTooLarge(error: unknown): boolean {
  return /max request size exceeded|invalid (?:multi)?bulk length|too big (?:mbulk|inline)|payload too large|entity too large|too many results|stack overflow/i.test(
    reason(error),
  );
}

/** An error of a reply carries its command, and with it the password or the whole batch; those are not passed on. */
function causeOf(error: unknown): ErrorOptions {
  return typeof error === 'object' && error !== null && 'command' in error ? {} : { cause: error };
}
