import { closeSync, openSync, readSync, statSync } from 'node:fs';

import { applicationOf } from '../instrumentation/packages/installed-package.js';
import { type Warn, warning } from '../warnings.js';
import type { MainFile } from './identity/main-file.js';

/** Says once what cannot be measured of this application because of the way it is built or loaded. */
export function warnOfBlindSpots({ kind, from }: MainFile, warn: Warn): void {
  if (kind === 'own' && isBundle(from)) warn(...warning('ORCHESTRATOR_BUNDLE', { file: from }));
  const framework = hiddenFramework(from);
  if (framework !== undefined) warn(...warning('ORCHESTRATOR_LOADER', { framework }));
}

/** Bytes: no bundle of a framework is smaller, and hardly any file that is written by hand is larger. */
const BUNDLE_BYTES = 100_000;

/** How much of a file is looked at. */
const SAMPLE_BYTES = 64 * 1024;

/** Helpers that esbuild, webpack, ncc, Rollup and Parcel write into a bundle; and lines that only a minifier writes. */
const BUNDLED =
  /\b(?:__commonJS|__toESM|__webpack_require__|__webpack_modules__|__nccwpck_require__|getDefaultExportFromCjs|parcelRequire)\b|[^\n]{5000}/;

function isBundle(file: string): boolean {
  let descriptor: number | undefined;
  try {
    if (statSync(file).size < BUNDLE_BYTES) return false;
    descriptor = openSync(file, 'r');
    const sample = Buffer.allocUnsafe(SAMPLE_BYTES);
    return BUNDLED.test(sample.toString('latin1', 0, readSync(descriptor, sample, 0, SAMPLE_BYTES, 0)));
  } catch {
    // A main file that cannot be read is none.
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
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
