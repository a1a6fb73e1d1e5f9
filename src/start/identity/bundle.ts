import { closeSync, openSync, readSync, statSync } from 'node:fs';

import type { MainFile } from './main-file.js';

/** Bytes: no bundle of a framework is smaller, and hardly any file that is written by hand is larger. */
const BUNDLE_BYTES = 100_000;

/** How much of a file is looked at. */
const SAMPLE_BYTES = 64 * 1024;

/** Helpers that esbuild, webpack, ncc, Rollup and Parcel write into a bundle; and lines that only a minifier writes. */
const BUNDLED =
  /\b(?:__commonJS|__toESM|__webpack_require__|__webpack_modules__|__nccwpck_require__|getDefaultExportFromCjs|parcelRequire)\b|[^\n]{5000}/;

/** True for an application whose packages were put into its main file, so that no loader sees them. */
export function isBundle({ kind, from: file }: MainFile): boolean {
  if (kind !== 'own') return false;
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
