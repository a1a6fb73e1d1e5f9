import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

import { withoutSpans } from '../../own-traffic/own-traffic.js';
import type { PortProof } from '../access/port-proof.js';
import {
  CHALLENGE_HEADER,
  comparable,
  ofProjectStatement,
  ofStoreStatement,
  PROCESS_HEADER,
  PROJECT_HEADER,
  PROJECT_PROOF_HEADER,
  STORE_HEADER,
  STORE_PROOF_HEADER,
} from './introduction.js';

/** The path that is asked: cheap for every version of this package, and harmless for other programs. */
const ASKED_PATH = '/healthz';
const MAX_HEAD_BYTES = 8192;

/** Texts that another process gave, as they are printed. */
const MAX_TEXT = 200;

/** Who listens on a port. */
export type PortHolder =
  | {
      readonly kind: 'same project';
      readonly pid: string | undefined;
      /** Undefined if it has the same store. */
      readonly otherStore: string | undefined;
    }
  | { readonly kind: 'other project'; readonly project: string }
  /** A process of this package that tells nobody without the right credentials what it serves, and ours are not. */
  | { readonly kind: 'closed project' }
  | { readonly kind: 'other program' };

export interface PortQuestion {
  readonly host: string;
  readonly port: number;
  /** Whether it is asked over TLS. */
  readonly tls: boolean;
  /** The prefix of the project that asks, and its store. */
  readonly project: string;
  readonly store: string;
  /** What the processes of the project that asks share; undefined if it has no secrets. */
  readonly proof: PortProof | undefined;
  /** Called once at most. Another program's connection is closed then; that of a process of the same project stays open. */
  readonly answered: (holder: PortHolder) => void;
  /** The connection has ended: so has the holder, or it closes idle connections. Not called after the question was withdrawn. */
  readonly closed: () => void;
}

/**
 * Asks the process that listens on a port for its project, and stays connected: the end of the connection is the news that
 * the port may be free, so that a process that waits for it needs no timer. A slow process is waited for without a limit.
 * The connection does not keep the process alive. It is not an HTTP client's: those may be patched by the application. No
 * secret is sent, since anyone may have taken the port.
 *
 * @returns withdraws the question
 */
export function askPortHolder(question: PortQuestion): () => void {
  const { answered, closed } = question;
  const host = reachable(question.host);
  const challenge = randomBytes(16).toString('base64url');
  const socket = connectTo(host, question);
  socket.unref();
  socket.setEncoding('latin1');
  socket.on(question.tls ? 'secureConnect' : 'connect', () => {
    const named = host.includes(':') ? `[${host}]` : host;
    socket.write(
      `GET ${ASKED_PATH} HTTP/1.1\r\nHost: ${named}\r\nConnection: keep-alive\r\n${CHALLENGE_HEADER}: ${challenge}\r\n\r\n`,
    );
  });
  // An error is followed by `close`.
  socket.on('error', () => undefined);
  socket.on('close', closed);
  let head = '';
  const read = (text: string): void => {
    head += text;
    const headers = headersOf(head);
    if (headers === undefined) return;
    socket.off('data', read);
    socket.resume();
    if (headers === 'speaks TLS') socket.destroy();
    else
      void holderOf(headers, challenge, question).then((holder) => {
        if (!socket.destroyed) answered(holder);
      });
  };
  socket.on('data', read);
  return () => {
    socket.off('close', closed);
    socket.destroy();
  };
}

function connectTo(host: string, { port, tls }: PortQuestion): Socket {
  return withoutSpans(() =>
    // Who answers is found out by other means, and nothing secret is sent.
    tls ? connectTls({ host, port, rejectUnauthorized: false }) : connect({ host, port }),
  );
}

/** Undefined while the head of the answer is incomplete; `none` for what is no HTTP. */
function headersOf(head: string): ReadonlyMap<string, string> | 'none' | 'speaks TLS' | undefined {
  if (head.startsWith('\u0015\u0003')) return 'speaks TLS';
  const status = 'HTTP/1.';
  if (!head.startsWith(status.slice(0, head.length))) return 'none';
  const end = head.indexOf('\r\n\r\n');
  if (end === -1) return head.length > MAX_HEAD_BYTES ? 'none' : undefined;
  const headers = new Map<string, string>();
  for (const line of head.slice(0, end).split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

async function holderOf(
  headers: ReadonlyMap<string, string> | 'none',
  challenge: string,
  { project, store, proof }: PortQuestion,
): Promise<PortHolder> {
  if (headers === 'none') return { kind: 'other program' };
  const owner = headers.get(PROJECT_HEADER);
  if (owner !== undefined && owner !== project)
    return { kind: 'other project', project: owner.slice(0, MAX_TEXT) };
  if (owner !== undefined) {
    const theirs = decoded(headers.get(STORE_HEADER));
    const isSame = theirs === undefined || comparable(theirs) === comparable(store);
    const otherStore = isSame ? undefined : theirs.slice(0, MAX_TEXT);
    return { kind: 'same project', pid: headers.get(PROCESS_HEADER)?.slice(0, 20), otherStore };
  }
  const proofs = headers.get(PROJECT_PROOF_HEADER)?.split(',');
  if (proofs === undefined) return { kind: 'other program' };
  const isProven = (statement: string, given: readonly string[]): Promise<boolean> =>
    proof?.isProven(challenge, statement, given) ?? Promise.resolve(false);
  if (!(await isProven(ofProjectStatement(project), proofs))) return { kind: 'closed project' };
  const ofStore = headers.get(STORE_PROOF_HEADER)?.split(',') ?? [];
  const isSame = await isProven(ofStoreStatement(store), ofStore);
  return { kind: 'same project', pid: undefined, otherStore: isSame ? undefined : 'another one' };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** An address that stands for all of the host is reached at its loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
