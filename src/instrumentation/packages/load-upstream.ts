import { createRequire } from 'node:module';

import { diag } from '@opentelemetry/api';

import { warning } from '../../warnings.js';

/** Brings most instrumentations of OpenTelemetry with it. */
export const AUTO_INSTRUMENTATIONS = '@opentelemetry/auto-instrumentations-node';

/**
 * Loads a package of OpenTelemetry that the application has, by itself or as a part of
 * `@opentelemetry/auto-instrumentations-node`, and hands its exports to `use`. One that fails costs a diagnostic, and is
 * not used.
 *
 * @param main the application's main file, an absolute path
 */
export function loadUpstream<Result>(
  name: string,
  main: string,
  use: (exports: unknown) => Result,
): Result | undefined {
  const file = resolveUpstream(name, main);
  if (file === undefined) return undefined;
  try {
    return use(createRequire(main)(file));
  } catch (error) {
    diag.warn(...warning('ORCHESTRATOR_PACKAGE_NOT_USED', { package: name }), error);
    return undefined;
  }
}

function resolveUpstream(name: string, main: string): string | undefined {
  const fromApplication = createRequire(main);
  try {
    return fromApplication.resolve(name);
  } catch {
    // Strict package managers put it where only the package that depends on it finds it.
  }
  try {
    return createRequire(fromApplication.resolve(AUTO_INSTRUMENTATIONS)).resolve(name);
  } catch {
    return undefined;
  }
}
