/**
 * `error.type` of a request that has no whole answer: a code as `ECONNREFUSED` where there is one, since the name of almost
 * every error of Node's is `Error`; else the name. Undefined for no error, and for a request that the application gave up by
 * an `AbortSignal`: the semantic conventions say that this is none. A signal of a time limit is `TimeoutError`.
 */
export function failureOf(error: unknown): string | undefined {
  if (!(error instanceof Error))
    return error === undefined || error === null ? undefined : givenReason(error);
  const code = 'code' in error ? error.code : undefined;
  if (error.name === 'AbortError' || code === 'ABORT_ERR' || code === 'ERR_CANCELED') {
    // `AbortSignal.timeout` is the cause of the AbortError with which `node:http` ends.
    return error.cause instanceof Error && error.cause.name === 'TimeoutError' ? 'TimeoutError' : undefined;
  }
  // The code of a DOMException is a number that nobody knows: 23 for TimeoutError.
  return typeof code === 'string' && code !== '' ? code : error.name;
}

/** A DOMException of another realm, or any value that an application aborts with: `controller.abort('user left')`. */
function givenReason(reason: unknown): string | undefined {
  return typeof reason === 'object' && reason !== null && 'name' in reason && reason.name === 'TimeoutError'
    ? 'TimeoutError'
    : undefined;
}
