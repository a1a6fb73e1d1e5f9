import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { onEnd, type Owner } from './owner.js';

/** The root of this package; tests run from `dist/test`. */
export const PACKAGE_ROOT: string = resolve(__dirname, '../../..');

/** A new empty folder, removed when its owner ends. Short, since the path of a unix socket has at most 107 bytes. */
export function scratchDir(owner: Owner, name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `orch-${name}-`));
  onEnd(owner, () => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
