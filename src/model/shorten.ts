import { digest } from './digest.js';

/** Characters that a label value, an attribute key or a name may have, where nothing else is said. */
export const DEFAULT_MAX_LABEL_LENGTH = 1024;

const HASH_BYTES = 9;
/** The hash in base64url, and `~` before it. */
const TAIL_LENGTH = 13;

/**
 * `text` in at most `limit` characters. A longer one is cut, with a hash of the whole at its end, so that different texts stay
 * different and the same text stays the same in every process.
 */
export function shorten(text: string, limit: number): string {
  if (text.length <= limit) return text;
  // By way of bytes: a slice would keep the whole text in memory, and might end with half a character.
  const head = Buffer.from(text.slice(0, limit - TAIL_LENGTH)).toString();
  return `${head}~${digest(text, HASH_BYTES)}`;
}
