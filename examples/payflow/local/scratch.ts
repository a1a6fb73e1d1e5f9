import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder for data and logs that other accounts may enter: PostgreSQL runs under its own. */
export function scratchFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'payflow-'));
  chmodSync(dir, 0o755);
  return dir;
}
