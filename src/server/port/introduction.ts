import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

import type { PortProof } from '../access/port-proof.js';

/** Tells the processes of one project from those of another on the same port. */
export const PROJECT_HEADER = 'x-orchestrator-project';
/** Process id, and store (percent-encoded), of the process that answers; sent to processes of the same host. */
export const PROCESS_HEADER = 'x-orchestrator-process';
export const STORE_HEADER = 'x-orchestrator-store';
/** A random number of a process that shares a secret, and the proofs for it: see {@link PortProof}. */
export const CHALLENGE_HEADER = 'x-orchestrator-challenge';
export const PROJECT_PROOF_HEADER = 'x-orchestrator-project-proof';
export const STORE_PROOF_HEADER = 'x-orchestrator-store-proof';

export interface Introduced {
  readonly prefix: string;
  /** As a person would name it. */
  readonly store: string;
  readonly endpoint: { readonly access: { readonly portProof: PortProof | undefined } };
}

/**
 * What `/healthz` says besides, to a process that found the port taken. A stranger, who has sent no credentials because they
 * could be told to anyone who has the port, is told nothing that it does not know already.
 */
export async function introduce(
  request: IncomingMessage,
  { prefix, store, endpoint }: Introduced,
  to: 'known' | 'stranger',
): Promise<OutgoingHttpHeaders> {
  if (!isOfThisHost(request)) return {};
  if (to === 'known') return { [PROCESS_HEADER]: process.pid, [STORE_HEADER]: encodeURIComponent(store) };
  const challenge = request.headers[CHALLENGE_HEADER];
  const { portProof } = endpoint.access;
  if (typeof challenge !== 'string') return {};
  // It says at least that the port is not another program's.
  if (portProof === undefined) return { [PROJECT_PROOF_HEADER]: '' };
  const [ofProject, ofStore] = await Promise.all([
    portProof.prove(challenge, ofProjectStatement(prefix)),
    portProof.prove(challenge, ofStoreStatement(store)),
  ]);
  return { [PROJECT_PROOF_HEADER]: ofProject.join(','), [STORE_PROOF_HEADER]: ofStore.join(',') };
}

export function ofProjectStatement(prefix: string): string {
  return `project ${prefix}`;
}

export function ofStoreStatement(store: string): string {
  return `store ${comparable(store)}`;
}

/** The names of the loopback are one host. */
export function comparable(store: string): string {
  return store.replaceAll(/\blocalhost\b|\[?::1\]?/g, '127.0.0.1');
}

function isOfThisHost({ socket }: IncomingMessage): boolean {
  return socket.remoteAddress !== undefined && socket.remoteAddress === socket.localAddress;
}
