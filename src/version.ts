import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** This package's version, from its package.json (two folders above the compiled file). */
export const version: string = readVersion();

function readVersion(): string {
  const { version: found }: { version: string } = JSON.parse(
    readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8'),
  );
  return found;
}
