import { reason } from '../../../errors.js';
import type { RedisNode } from './client.js';

/**
 * Where a node of a cluster sends us. `moved`: the slot is there. `ask`: the slot is being moved, and what the command is
 * about is there already, or is to be made there.
 */
export interface Redirection {
  readonly kind: 'moved' | 'ask';
  readonly node: RedisNode;
}

/** @param from the node that answered; an answer without a host means the same host */
export function redirectionOf(error: unknown, from: string): Redirection | undefined {
  const match = /^(?<kind>MOVED|ASK) \d+ (?<host>.*):(?<port>\d+)$/.exec(reason(error));
  if (match?.groups === undefined) return undefined;
  const host = match.groups['host'] ?? '';
  const node = { host: host === '' ? from : host, port: Number(match.groups['port']) };
  return { kind: match.groups['kind'] === 'ASK' ? 'ask' : 'moved', node };
}

/** True if the keys of a command are on two nodes, because their slot is being moved. That ends by itself. */
export function isSlotMoving(error: unknown): boolean {
  return /\bTRYAGAIN\b/.test(reason(error));
}
