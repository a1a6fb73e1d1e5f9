import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What a package.json says. */
export type Manifest = Readonly<Record<string, unknown>>;

/** An empty manifest for a file that cannot be read or is no JSON object. */
export function readManifest(file: string): Manifest {
  try {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return isRecord(manifest) ? manifest : {};
  } catch {
    return {};
  }
}

/** The first package.json that `accepts` takes, in `directory` or above it. */
export function nearestManifest(
  directory: string,
  accepts: (manifest: Manifest) => boolean = () => true,
): Manifest | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    const manifest = existsSync(file) ? readManifest(file) : undefined;
    if (manifest !== undefined && accepts(manifest)) return manifest;
    if (folder === dirname(folder)) return undefined;
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
