import type { RefusedPoint } from '../scripts/apply.js';
import type { BatchPart } from './batch-part.js';

/** What became of a part. */
export interface SentPart {
  /** Additions that the cap moved. */
  readonly overflowed: number;
  /** Current values that the cap did not admit. */
  readonly refused: readonly RefusedPoint[];
  /** It was not applied, because it is too large; these are to be sent in its place. */
  readonly instead: readonly BatchPart[];
  /** Redis began anew: these have everything else that it lacks. */
  readonly later: readonly BatchPart[] | undefined;
}

/** Redis has all of the part. */
export const DONE: SentPart = { overflowed: 0, refused: [], instead: [], later: undefined };
