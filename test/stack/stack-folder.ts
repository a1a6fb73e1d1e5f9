import { cpSync } from 'node:fs';
import { join } from 'node:path';

import type { Owner } from '../helpers/owner.js';
import { PACKAGE_ROOT, scratchDir } from '../helpers/scratch.js';

export const STACK_FOLDER: string = join(PACKAGE_ROOT, 'examples', 'stack');

/** What a reader's own runs have left in the folder; not a part of the example. */
const LEFT_BEHIND = /(?:\.env\.generated|\.profile\.state|local\.env|secrets\.env)$/;

/** A copy of the example, as fresh as a new checkout, in which a test may write. */
export function copyStack(owner: Owner): string {
  const copy = join(scratchDir(owner, 'stack'), 'stack');
  cpSync(STACK_FOLDER, copy, { recursive: true, filter: (source) => !LEFT_BEHIND.test(source) });
  return copy;
}
