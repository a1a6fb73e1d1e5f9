import { applicationOf, findPackage } from '../instrumentation/packages/installed-package.js';
import { type Warn, warning } from '../warnings.js';
import { isBundle } from './identity/bundle.js';
import type { MainFile } from './identity/main-file.js';

/** Says once what cannot be measured of this application because of the way it is built or loaded. */
export function warnOfBlindSpots(main: MainFile, warn: Warn): void {
  const { from } = main;
  if (isBundle(main)) warn(...warning('ORCHESTRATOR_BUNDLE', { file: from }));
  const framework = hiddenFramework(from);
  if (framework !== undefined) warn(...warning('ORCHESTRATOR_LOADER', { framework }));
  const [theirs, ours] = [apiVersion(from), apiVersion(__filename)];
  if (theirs !== undefined && ours !== undefined && minorOf(theirs) > minorOf(ours))
    warn(...warning('ORCHESTRATOR_NEWER_API', { theirs, ours }));
}

/** The version of the copy of the API that a file would get. */
function apiVersion(file: string): string | undefined {
  const version = findPackage('@opentelemetry/api', file)?.manifest['version'];
  return typeof version === 'string' ? version : undefined;
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}

/**
 * ESM frameworks whose routes are seen by loading them a moment earlier than the application does. Yarn's Plug'n'Play loads
 * ESM by a loader in a thread of its own, and before Node 22 the application then gets another copy.
 */
function hiddenFramework(from: string): string | undefined {
  const isLoaded = process.versions['pnp'] !== undefined && Number.parseInt(process.versions.node, 10) < 22;
  if (!isLoaded) return undefined;
  const { dependencies, isEsm } = applicationOf(from);
  return isEsm && dependencies.has('hono') ? 'Hono' : undefined;
}
