import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder: string | undefined;

/** A folder of this test file, removed when its process ends. */
export function scratch(): string {
  if (folder !== undefined) return mkdtempSync(join(folder, 'part-'));
  const made = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  folder = made;
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return mkdtempSync(join(made, 'part-'));
}
