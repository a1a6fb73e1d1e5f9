import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/** Node itself listens for these, to leave the terminal as it was. */
const OF_NODE: ReadonlySet<NodeJS.Signals> = new Set(['SIGTERM', 'SIGINT']);

/**
 * True if a signal would not end this process although nobody listens for it in JavaScript: it is ignored, or an addon
 * handles it. A listener would replace that. Linux only; elsewhere it cannot be asked.
 */
export function hasOtherMeaning(signal: NodeJS.Signals): boolean {
  if (OF_NODE.has(signal) || process.listenerCount(signal) > 0) return false;
  const number: number | undefined = constants.signals[signal];
  return number !== undefined && (dispositions() & (1n << BigInt(number - 1))) !== 0n;
}

/** One bit for each signal that is ignored or caught. */
function dispositions(): bigint {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const mask = (name: string): bigint =>
      BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
    return mask('SigIgn') | mask('SigCgt');
  } catch {
    return 0n;
  }
}
