import { DIFFERENCES } from '../differences.js';
import { table } from './markdown.js';
import { handWrittenPage, withRegion } from './region.js';

/** `docs/operations.md`: what an application can see of the preload, from scripts/differences.ts; the rest is written by hand. */
export function operationsPage(): string {
  const rows = table(
    ['What is different', 'Why'],
    DIFFERENCES.map(({ what, why }) => [what, why]),
  );
  return withRegion(handWrittenPage('docs/operations.md'), 'differences', rows);
}
