import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { nearestManifest } from '../../instrumentation/packages/manifest.js';

/**
 * The version of the copy of `@opentelemetry/api` that has called `callee`, by the file of the caller. Undefined for a copy
 * inside a bundle.
 */
export function callerApiVersion(callee: () => unknown): string | undefined {
  const file = callerFile(callee);
  if (file === undefined) return undefined;
  const path = file.startsWith('file:') ? fileURLToPath(file) : file;
  const version = nearestManifest(dirname(path), ({ name }) => name === '@opentelemetry/api')?.['version'];
  return typeof version === 'string' ? version : undefined;
}

function callerFile(callee: () => unknown): string | undefined {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = Reflect.get(Error, 'prepareStackTrace');
  const holder: { readonly stack?: unknown } = {};
  try {
    Error.stackTraceLimit = 1;
    Error.prepareStackTrace = (_error, [caller]) => caller?.getFileName();
    Error.captureStackTrace(holder, callee);
    const file = holder.stack;
    return typeof file === 'string' ? file : undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    // Undefined, as it was, lets Node format stacks again.
    Reflect.set(Error, 'prepareStackTrace', prepareStackTrace);
  }
}
