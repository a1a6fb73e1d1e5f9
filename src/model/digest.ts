import { createHash } from 'node:crypto';

/** The first bytes of the SHA-256 of a text, in base64url: 4 characters for every 3 bytes. */
export function digest(text: string, bytes: number): string {
  return createHash('sha256').update(text).digest().subarray(0, bytes).toString('base64url');
}
