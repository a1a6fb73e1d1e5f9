import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * This package's version, from its package.json (two folders above the compiled file). `unknown` in a bundle, where there is
 * none at that place, or that of another package.
 */
export const version: string = readVersion();

function readVersion(): string {
  try {
    const manifest: { name?: unknown; version?: unknown } = JSON.parse(
      readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
    );
    if (manifest.name === '@org/orchestrator' && typeof manifest.version === 'string')
      return manifest.version;
  } catch {
    // Nothing depends on it but what is shown.
  }
  return 'unknown';
}
